import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { isTokenCaptured } from "@dbward-aws/contract";
import type { AwsClients } from "../aws-clients.ts";
import { ifThere, isDenied } from "../aws-error.ts";
import { describeSecret } from "../secret-state.ts";
import type { TokenSecret } from "../token-secrets.ts";
import { millis } from "./part.ts";

/** What is known of a token's secret; never its value. */
export interface TokenView extends TokenSecret {
  /**
   * `captured`, `empty`, `missing`, `being-deleted`; `unreadable` when the secret has a value that the caller
   * is not allowed to read.
   */
  readonly state: "captured" | "empty" | "missing" | "being-deleted" | "unreadable";
  /** Id of the version in use. */
  readonly versionId?: string;
  /** When the secret changed last, in milliseconds since the epoch; 0 when there is no secret. */
  readonly changed: number;
}

type SecretClients = Pick<AwsClients, "secrets">;

/**
 * Whether the versions that were read hold a token. A version never changes its value, so that each is read
 * once for a client.
 */
const knownVersions = new WeakMap<object, Map<string, boolean>>();

/**
 * Looks up a token's secret. The value is read in memory to tell a token from white space, and is not kept.
 *
 * @throws AwsCallError
 */
export async function readToken(clients: SecretClients, token: TokenSecret): Promise<TokenView> {
  const { state, versionId, changedAt } = await describeSecret(clients, token.secret);
  const view = { ...token, changed: millis(changedAt) };
  if (state !== "filled" || versionId === undefined)
    return { ...view, state: state === "filled" ? "empty" : state };
  return { ...view, state: await stateOfVersion(clients, token.secret, versionId), versionId };
}

async function stateOfVersion(
  { secrets }: SecretClients,
  name: string,
  versionId: string,
): Promise<TokenView["state"]> {
  const known = knownVersions.get(secrets) ?? new Map<string, boolean>();
  knownVersions.set(secrets, known);
  const key = `${name} ${versionId}`;
  let captured = known.get(key);
  if (captured === undefined) {
    try {
      const answer = await ifThere(
        `Reading secret ${name}`,
        secrets.send(new GetSecretValueCommand({ SecretId: name, VersionId: versionId })),
        "ResourceNotFoundException",
      );
      captured = isTokenCaptured(answer?.SecretString);
    } catch (error) {
      if (isDenied(error)) return "unreadable";
      throw error;
    }
    known.set(key, captured);
  }
  return captured ? "captured" : "empty";
}
