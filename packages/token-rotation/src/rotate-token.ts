import { DbwardError } from "@dbward-aws/core";
import { RequestRefusedError, type TokenInfo } from "@dbward-aws/dbward-client";
import { callOptions, findByValue, isAccepted, prefixOf, type ServerAccess } from "./server-tokens.ts";
import type { TokenStore, TokenVersion, TokenVersions } from "./token-store.ts";

/** Name that the server lists the tokens of rotations under. It must not begin with `bootstrap-`. */
const ROTATION_NAME = "dbward-aws rotation";

/** The rotation of a token that the server mints on request: that of an agent, or of the administrator. */
export interface Rotation {
  readonly store: TokenStore;
  /** Subject of the token on the server. */
  readonly subject: string;
  readonly subjectType: "agent" | "user";
  /** The tasks that read the secret when they start. @default - none do */
  readonly tasks?: RotatedTasks;
  /** Reports what is being done. */
  readonly report: (step: string) => void;
}

/** The tasks that use a token: those of an agent's service. */
export interface RotatedTasks {
  /** Starts new tasks in place of all. @returns id of the deployment that does it */
  replace(): Promise<string>;
  /** Whether a deployment is still the one that decides which tasks run, and has not failed. */
  isInForce(deployment: string): Promise<boolean>;
  /** Waits until only healthy tasks of this deployment run. @returns how many. @throws when that doesn't happen */
  wait(deployment: string): Promise<number>;
  /** Waits until the owner of the token polls the server. @throws when it doesn't */
  seePoll(): Promise<void>;
}

/** The outcome of a rotation. */
export interface RotationResult {
  /** Version of the secret that holds the new token. */
  readonly versionId: string;
  /** Id of the token that was revoked. */
  readonly revoked?: string;
  /** The former token is a bootstrap token: the API can't revoke it, and it stays valid. */
  readonly bootstrapTokenStays: boolean;
}

/** The server has no new token to give. */
export class RotationError extends DbwardError {
  override readonly name = "RotationError";

  constructor(message: string, hint: string, cause?: unknown) {
    super("token-rotation-failed", message, { hint, cause });
  }
}

/** How far a rotation is that was cut off. */
export type RotationState = "none" | "stored" | "current";

/** @returns `none`: no rotation is under way; `stored`: the new token is pending; `current`: the new token is in use */
export function rotationState({ current, pending }: TokenVersions): RotationState {
  if (!pending) return "none";
  return pending.id === current?.id ? "current" : "stored";
}

/**
 * Replaces a token without a moment in which its owner has none that works: the new one is minted, stored as the pending version,
 * promoted to the current one, taken up by new tasks, seen in use, and only then is the former one revoked. The label of the pending version
 * marks a rotation that has not ended: after a cut at any step, another call continues it. A service without tasks has nobody to wait for:
 * those that start later read the new token.
 *
 * @throws RotationError, AwsCallError, DbwardRequestError; what {@link RotatedTasks} throws
 */
export async function rotateToken(access: ServerAccess, rotation: Rotation): Promise<RotationResult> {
  const { store, report, tasks } = rotation;
  let versions = await store.read();
  if (versions.pending && !(await isAccepted(access, versions.pending.value))) {
    // The token of a rotation whose server has since lost it, by a restored backup for example.
    await store.clearPending(versions.pending);
    versions = await store.read();
  }
  const pending = versions.pending ?? (await mint(access, rotation, versions));
  const isPromoted = rotationState(versions) === "current";
  const former = isPromoted ? versions.previous : versions.current;
  if (!isPromoted) {
    report("Making the new token the current version of the secret");
    await store.promote(pending);
  }
  const successor = rotation.subjectType === "user" ? { ...access, adminToken: pending.value } : access;
  const running = tasks ? await takeUp(rotation, tasks, pending) : 0;
  if (running > 0) await tasks?.seePoll();
  const revoked = former && (await revoke(successor, rotation, former));
  if (revoked && running > 0) await tasks?.seePoll();
  await store.clearPending(pending);
  const stays = former !== undefined && revoked === undefined && (await isAccepted(successor, former.value));
  return { versionId: pending.id, ...(revoked && { revoked }), bootstrapTokenStays: stays };
}

/** Lets tasks with the new token take the place of all others. @returns how many run */
async function takeUp(
  { store, report }: Rotation,
  tasks: RotatedTasks,
  { id, rollout }: TokenVersion,
): Promise<number> {
  let deployment = rollout;
  if (deployment === undefined || !(await tasks.isInForce(deployment))) {
    report("Replacing the tasks that use the token");
    deployment = await tasks.replace();
    await store.noteRollout(id, deployment, rollout);
  }
  report("Waiting until the new tasks are healthy, and the former ones have ended");
  const running = await tasks.wait(deployment);
  if (running > 0) report("Waiting until the new token is in use");
  return running;
}

async function mint(
  access: ServerAccess,
  rotation: Rotation,
  versions: TokenVersions,
): Promise<TokenVersion> {
  const { store, subject, subjectType, report } = rotation;
  const { client } = access;
  report("Asking the server for a new token");
  await revokeOrphans(access, rotation, versions);
  const options = callOptions(access);
  const made = await (subjectType === "agent"
    ? client.createAgentToken(subject, ROTATION_NAME, options)
    : client.createOwnToken(subject, ROTATION_NAME, options)
  ).catch((error: unknown) => {
    if (!(error instanceof RequestRefusedError) || error.apiCode !== "validation.failed") throw error;
    throw new RotationError(
      `The server refused a new token for ${subject}. A subject can have five active tokens.`,
      "Revoke those that nobody uses: `pnpm ops tokens` lists them, `pnpm ops tokens revoke ID` revokes one.",
      error,
    );
  });
  report(`Storing it in secret ${store.secret} as the pending version`);
  const pending = await store.storePending(made.token);
  if (await isAccepted(access, pending.value)) return pending;
  // Nothing depends on it yet. The next call finds it refused, and mints another one.
  throw new RotationError(
    `The server refuses the token that it has just made for ${subject}. Another rotation may have revoked it.`,
    "Run this command again when no other rotation of this token is under way.",
  );
}

/** Tokens of rotations that were cut off between minting and storing: their values are lost. */
async function revokeOrphans(
  access: ServerAccess,
  { subject }: Rotation,
  { current, previous }: TokenVersions,
): Promise<void> {
  const known = [current, previous].flatMap((version) => (version ? [prefixOf(version.value)] : []));
  for (const { id, name, prefix = "" } of await activeTokens(access, subject))
    if (name === ROTATION_NAME && !known.includes(prefix))
      await access.client.revokeToken(id, callOptions(access));
}

/** @returns the id of the token; `undefined` when the server doesn't list it as active */
async function revoke(
  access: ServerAccess,
  { subject, report }: Rotation,
  former: TokenVersion,
): Promise<string | undefined> {
  const row = findByValue(await activeTokens(access, subject), former.value);
  if (!row) return undefined;
  report("Revoking the former token");
  await access.client.revokeToken(row.id, callOptions(access));
  return row.id;
}

async function activeTokens(access: ServerAccess, subject: string): Promise<TokenInfo[]> {
  const rows = await access.client.listTokens(callOptions(access));
  return rows.filter(({ subjectId, status }) => subjectId === subject && status === "active");
}
