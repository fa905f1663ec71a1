import { createHash } from "node:crypto";
import { GetSecretValueCommand, PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { isTokenCaptured } from "@dbward-aws/contract";
import { describeError } from "@dbward-aws/core";
import { SecretFailed } from "./errors.ts";
import type { Token } from "./request.ts";
import { type RightsTools, whenAllowed } from "./rights.ts";
import type { Tools } from "./tools.ts";

/** The {@link Tools} of a {@link TokenStore}. */
export type StoreTools = RightsTools & Pick<Tools, "secrets">;

/** The current value of a secret. */
export interface StoredToken {
  readonly versionId: string;
  /** Only for checking whether the server accepts it. */
  readonly value: string;
}

/** The secrets of a stage. A secret with a value is never overwritten. */
export class TokenStore {
  readonly #tools: StoreTools;
  readonly #requestId: string;

  /**
   * @param requestId CloudFormation's id of the request: the version ids are derived from it, so that an
   * event that is delivered twice, also at the same time, results in one version
   */
  constructor(tools: StoreTools, requestId: string) {
    this.#tools = tools;
    this.#requestId = requestId;
  }

  /**
   * @returns `undefined` when the secret is empty, by the rule of `isTokenCaptured`
   * @throws {@link SecretFailed}
   */
  async read(token: Token): Promise<StoredToken | undefined> {
    try {
      const { secrets, deadline } = this.#tools;
      const { SecretString, VersionId } = await whenAllowed(
        "secretsmanager:GetSecretValue",
        () =>
          secrets.send(new GetSecretValueCommand({ SecretId: token.secret }), {
            abortSignal: deadline.signal,
          }),
        this.#tools,
      );
      if (!isTokenCaptured(SecretString) || !VersionId) return undefined;
      return { value: SecretString, versionId: VersionId };
    } catch (error) {
      // Also the answer for a secret without a current version. A secret that does not exist fails when it is
      // written.
      if (isNamed(error, "ResourceNotFoundException")) return undefined;
      throw new SecretFailed("Reading", token.label, describeError(error), error);
    }
  }

  /**
   * Stores a token, unless its secret has a value by now: that value is kept.
   *
   * @returns the version that is current now
   * @throws {@link SecretFailed}
   */
  async fill(token: Token, value: string): Promise<string> {
    const kept = await this.read(token);
    if (kept) return kept.versionId;
    try {
      const { secrets, deadline } = this.#tools;
      const command = new PutSecretValueCommand({
        SecretId: token.secret,
        SecretString: value,
        ClientRequestToken: versionId(this.#requestId, token.secret, value),
      });
      const { VersionId } = await whenAllowed(
        "secretsmanager:PutSecretValue",
        () => secrets.send(command, { abortSignal: deadline.signal }),
        this.#tools,
      );
      return VersionId!;
    } catch (error) {
      const winner = isNamed(error, "ResourceExistsException") ? await this.read(token) : undefined;
      if (winner) return winner.versionId;
      throw new SecretFailed("Writing", token.label, describeError(error), error);
    }
  }
}

/**
 * A UUID for one value in one secret by one request. The value has 128 random bits, so that its digest
 * reveals nothing.
 */
export function versionId(requestId: string, secret: string, value: string): string {
  const hex = createHash("sha256").update(`${requestId}\n${secret}\n${value}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-",
  );
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
