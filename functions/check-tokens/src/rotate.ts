import { METRICS_USER } from "@dbward-aws/contract";
import { DbwardError, type Deadline } from "@dbward-aws/core";
import { describeServices, endedRollout, isInForce, replaceTasks } from "@dbward-aws/stage/rollout";
import type { TokenSecret } from "@dbward-aws/stage/token-secrets";
import {
  callOptions,
  isAccepted,
  type RotatedTasks,
  RotationError,
  rotateMetricsToken,
  rotateToken,
  type ServerAccess,
  seePoll,
  subjectOf,
  TokenStore,
  type TokenVersions,
} from "@dbward-aws/token-rotation";
import { ageInDays } from "./check.ts";
import type { TokenStage } from "./token-stage.ts";

/** Milliseconds that must be left to begin with the token of an agent, or with another one; with less, the next run does. */
const TIME_NEEDED = { agent: 300_000, other: 60_000 };
/** Days for which a rotation waits until its agent executes nothing, as its tasks are replaced. */
const PATIENCE_DAYS = 1;
const ASK_EVERY_MS = 2_000;

/** The run ended before the rotation did: no error, the next run continues. */
class OutOfTime extends DbwardError {
  override readonly name = "OutOfTime";

  constructor() {
    super("rotation-continues", "The time of this run is over before the new tasks are healthy.", {
      hint: "The next run continues.",
    });
  }
}

/** A token, and how far it is. */
interface Candidate {
  readonly token: TokenSecret;
  readonly store: TokenStore;
  readonly versions: TokenVersions;
  readonly isUnfinished: boolean;
}

/**
 * Continues the rotations that are under way, and begins those that are due, one after the other until the time is over. Whatever is left
 * is for the next run. A rotation that fails ends the run: its cause may well be that of the next one.
 *
 * @param rotateAfterDays age at which a token is due
 * @param timeNeeded milliseconds that must be left. @default - minutes
 * @returns owners of the tokens that were replaced
 * @throws AwsCallError, DbwardRequestError, RotationError
 */
export async function rotateDue(
  stage: TokenStage,
  rotateAfterDays: number,
  deadline: Deadline,
  timeNeeded: typeof TIME_NEEDED = TIME_NEEDED,
): Promise<string[]> {
  const { logger } = stage;
  const rotated: string[] = [];
  for (const candidate of await findCandidates(stage, rotateAfterDays, deadline)) {
    const { owner, kind } = candidate.token;
    if (deadline.remaining < timeNeeded[kind === "agent" ? "agent" : "other"]) {
      logger.info("rotation.postponed", { owner, reason: "no time is left in this run" });
      break;
    }
    const access = await adminAccess(stage, deadline);
    const hindrance = kind === "agent" && (await hindranceOf(stage, access, candidate, rotateAfterDays));
    if (hindrance) {
      logger.info("rotation.postponed", { owner, reason: hindrance });
      continue;
    }
    try {
      await rotateOne(stage, access, candidate, deadline);
      rotated.push(owner);
    } catch (error) {
      if (!(error instanceof OutOfTime) && !deadline.passed) throw error;
      logger.info("rotation.continues", { owner, error });
      break;
    }
  }
  return rotated;
}

/** The tokens to rotate: those whose rotation is under way first, the administrator's last. */
async function findCandidates(
  stage: TokenStage,
  rotateAfterDays: number,
  deadline: Deadline,
): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const token of stage.settings.tokens) {
    const store = new TokenStore({ secrets: stage.secrets }, token.secret);
    const versions = await store.read();
    // What was never captured is not rotated: a deployment captures it.
    if (!versions.current) continue;
    const isUnfinished =
      versions.pending !== undefined ||
      (token.kind === "metrics" && !(await isPollersOwn(stage, versions.current.value, deadline)));
    if (isUnfinished || ageInDays(versions.current) >= rotateAfterDays)
      found.push({ token, store, versions, isUnfinished });
  }
  const rank = ({ token, isUnfinished }: Candidate) =>
    Number(!isUnfinished) * 2 + Number(token.kind === "admin");
  return found.sort((a, b) => rank(a) - rank(b));
}

/** Whether a token is that of the poller's user: a rotation that was cut off leaves a substitute's, or a refused one. */
async function isPollersOwn({ server }: TokenStage, token: string, { signal }: Deadline): Promise<boolean> {
  const owner = await subjectOf({ client: server, adminToken: token, signal }, token);
  return typeof owner === "object" && owner.user === METRICS_USER;
}

/** Read for each rotation, as that of the administrator's own token changes it. */
async function adminAccess(
  { server, secrets, settings }: TokenStage,
  { signal }: Deadline,
): Promise<ServerAccess> {
  const { secret } = settings.tokens.find(({ kind }) => kind === "admin")!;
  const { current } = await new TokenStore({ secrets }, secret).read();
  const access = { client: server, adminToken: current?.value ?? "", signal };
  if (current && (await isAccepted(access, current.value))) return access;
  throw new RotationError(
    current
      ? "The server refuses the token in the administrator's secret, without which no token can be replaced."
      : "The administrator's secret is empty; without its token no other one can be replaced.",
    "Run: pnpm ops tokens recover",
  );
}

/** Why the tasks of an agent should not be replaced now; `undefined` when nothing speaks against it. */
async function hindranceOf(
  { ecs, settings }: TokenStage,
  access: ServerAccess,
  { token, versions }: Candidate,
  rotateAfterDays: number,
): Promise<string | undefined> {
  // Of an earlier run: its tasks are being replaced already.
  if (versions.pending?.rollout !== undefined) return undefined;
  const name = settings.agentServicePrefix + token.owner;
  const service = (await describeServices({ ecs }, settings.cluster, [name])).get(name);
  if (!service) return `there is no service ${name}`;
  if (service.deployments?.some(({ rolloutState }) => rolloutState === "IN_PROGRESS"))
    return "a deployment of its service is in progress";
  const isPatient = ageInDays(versions.current!) < rotateAfterDays + PATIENCE_DAYS;
  const row = (await access.client.agents(callOptions(access))).find(({ id }) => id === token.subject);
  return isPatient && row && row.inFlight > 0 ? "the agent is executing requests" : undefined;
}

async function rotateOne(
  stage: TokenStage,
  access: ServerAccess,
  { token, store, isUnfinished }: Candidate,
  deadline: Deadline,
): Promise<void> {
  const { logger } = stage;
  const { owner, kind, subject } = token;
  const report = (step: string) => logger.info("rotation.step", { owner, step });
  logger.info(isUnfinished ? "rotation.continued" : "rotation.started", { owner });
  if (kind === "metrics") {
    const { versionId, hadGap } = await rotateMetricsToken(access, store, report);
    logger.info("rotation.done", { owner, versionId, hadGap });
    return;
  }
  const { versionId, bootstrapTokenStays } = await rotateToken(access, {
    store,
    subject,
    subjectType: kind === "agent" ? "agent" : "user",
    report,
    ...(kind === "agent" && { tasks: agentTasks(stage, access, token, deadline) }),
  });
  logger.info("rotation.done", { owner, versionId });
  if (bootstrapTokenStays)
    logger.warn("rotation.bootstrap-stays", {
      owner,
      hint: "The former token is the bootstrap token, which stays valid until `pnpm ops tokens recover` ends it.",
    });
}

function agentTasks(
  { ecs, settings: { cluster, agentServicePrefix } }: TokenStage,
  access: ServerAccess,
  token: TokenSecret,
  deadline: Deadline,
): RotatedTasks {
  const service = agentServicePrefix + token.owner;
  return {
    replace: () => replaceTasks({ ecs }, cluster, service),
    isInForce: (deployment) => isInForce({ ecs }, cluster, service, deployment),
    async wait(deployment) {
      const ended = await deadline.until(async () => {
        const now = (await describeServices({ ecs }, cluster, [service])).get(service);
        return endedRollout({ ecs }, cluster, service, now, deployment);
      }, ASK_EVERY_MS);
      if (!ended) throw new OutOfTime();
      if ("healthy" in ended) return ended.healthy;
      throw new RotationError(
        ended.failed,
        `The former token stays valid. See why with \`pnpm ops doctor\`.`,
      );
    },
    seePoll: () => seePoll(access, token),
  };
}
