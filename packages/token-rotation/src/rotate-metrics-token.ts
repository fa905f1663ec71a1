import { randomBytes } from "node:crypto";
import { METRICS_ROLE, METRICS_USER } from "@dbward-aws/contract";
import { RequestRefusedError } from "@dbward-aws/dbward-client";
import { callOptions, type ServerAccess, subjectOf } from "./server-tokens.ts";
import type { TokenStore } from "./token-store.ts";

/** Begins the ids of the users that stand in for the poller's while its token is reissued. */
const SUBSTITUTE = `${METRICS_USER}-rotation-`;

/** The outcome of {@link rotateMetricsToken}. */
export interface MetricsRotationResult {
  /** Version of the secret that holds the new token. */
  readonly versionId: string;
  /** The server had no place for another user: for a moment, no token in the secret was valid. */
  readonly hadGap: boolean;
}

/**
 * Replaces the poller's token. Reissuing it revokes the former one at once, and dbward makes no second token for another user. So a
 * substitute user's token is put into the secret first, which the poller reads when the server refuses the former one; then the poller's
 * own token is reissued and stored, and the substitute deleted. After a cut at any step, another call puts everything in order.
 *
 * @throws AwsCallError, DbwardRequestError
 */
export async function rotateMetricsToken(
  access: ServerAccess,
  store: TokenStore,
  report: (step: string) => void,
): Promise<MetricsRotationResult> {
  const { client } = access;
  const { current } = await store.read();
  const owner = current ? await subjectOf(access, current.value) : "refused";
  let hadGap = false;
  if (typeof owner === "object" && owner.user.startsWith(SUBSTITUTE))
    report("Continuing an interrupted rotation");
  else {
    await deleteSubstitutes(access);
    if (typeof owner === "object") {
      report("Storing a token of a substitute user");
      hadGap = !(await storeSubstitute(access, store));
    }
  }
  report("Reissuing the poller's token, which revokes the former one");
  const { token } = await client.reissueInitialToken(METRICS_USER, callOptions(access));
  const versionId = await store.replace(token);
  report("Checking that the server accepts it, and deleting the substitute user");
  await client.agents(callOptions(access, token));
  await deleteSubstitutes(access);
  return { versionId, hadGap };
}

/** @returns false when the server has no place for another user */
async function storeSubstitute(access: ServerAccess, store: TokenStore): Promise<boolean> {
  try {
    const id = `${SUBSTITUTE}${randomBytes(4).toString("hex")}`;
    const { token } = await access.client.createUser({ id, roles: [METRICS_ROLE] }, callOptions(access));
    await store.replace(token);
    return true;
  } catch (error) {
    if (error instanceof RequestRefusedError && error.status === 402) return false;
    throw error;
  }
}

async function deleteSubstitutes(access: ServerAccess): Promise<void> {
  for (const { id } of await access.client.listUsers(callOptions(access)))
    if (id.startsWith(SUBSTITUTE)) await access.client.deleteUser(id, callOptions(access));
}
