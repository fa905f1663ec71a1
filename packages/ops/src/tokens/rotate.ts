import { type ActionOptions, act, type Progress } from "@dbward-aws/cli";
import type { TokenSecret } from "@dbward-aws/stage";
import { isInForce, replaceTasks } from "@dbward-aws/stage/rollout";
import {
  callOptions,
  findByValue,
  type RotatedTasks,
  rotateMetricsToken,
  rotateToken,
  rotationState,
  type ServerAccess,
  seePoll,
  TokenStore,
  type TokenVersions,
} from "@dbward-aws/token-rotation";
import type { CommandContext } from "../command.ts";
import { waitForService } from "../rollout.ts";
import { withAdmin } from "./with-admin.ts";

/** `pnpm ops tokens rotate`. */
export async function rotate(
  context: CommandContext,
  token: TokenSecret,
  url: string | undefined,
  options: ActionOptions,
): Promise<number> {
  const { owner, kind, secret, subject } = token;
  const { clients, settings, io } = context;
  return withAdmin(context, url, async (access) => {
    const store = new TokenStore(clients, secret);
    const versions = await store.read();
    const isContinued = rotationState(versions) !== "none";
    const plan = {
      title: `${isContinued ? "Continue the interrupted rotation of" : "Rotate"} the token of ${owner} of stage ${settings.stage}`,
      steps: kind === "metrics" ? METRICS_STEPS : await mintedSteps(access, token, versions),
    };
    return act(io, options, plan, async (progress) => {
      if (kind === "metrics") {
        const { versionId, hadGap } = await rotateMetricsToken(access, store, (step) => progress.step(step));
        progress.done(
          "The poller's token is replaced; the poller reads it when the server refuses the former one." +
            (hadGap
              ? " The server had no place for a substitute user, so one poll may have been refused."
              : ""),
        );
        return { owner, versionId };
      }
      const result = await rotateToken(access, {
        store,
        subject,
        subjectType: kind === "agent" ? "agent" : "user",
        report: (step) => progress.step(step),
        ...(kind === "agent" && { tasks: agentTasks(context, access, token, progress) }),
      });
      progress.done(`The token of ${owner} is replaced, and the new one is in use.`);
      if (result.bootstrapTokenStays)
        progress.note(
          `The former one is the bootstrap token. The server's API can't revoke it, so it stays valid. To end it, run: pnpm ops tokens recover --stage ${settings.stage}`,
        );
      return { owner, ...result };
    });
  });
}

const METRICS_STEPS = [
  "Create a substitute user with the same role, and store its token in the secret",
  "Reissue the token of the poller's user, which revokes the former one, and store it in the secret",
  "Check that the server accepts it, and delete the substitute user",
];

async function mintedSteps(
  access: ServerAccess,
  { owner, kind, secret }: TokenSecret,
  versions: TokenVersions,
): Promise<string[]> {
  const state = rotationState(versions);
  const former = state === "current" ? versions.previous : versions.current;
  const isListed =
    former !== undefined && findByValue(await access.client.listTokens(callOptions(access)), former.value);
  return [
    ...(state === "none"
      ? [`Ask the server for a new token, and store it in secret ${secret} as the pending version`]
      : []),
    ...(state === "current" ? [] : ["Make it the current version of the secret"]),
    ...(kind === "agent"
      ? [
          `Replace the tasks of agent ${owner}, which read the secret when they start`,
          "See that the agent polls",
        ]
      : []),
    ...(former === undefined
      ? []
      : [
          isListed
            ? "Revoke the former token"
            : "Keep the former token: it is the bootstrap token, which only `pnpm ops tokens recover` revokes",
        ]),
  ];
}

/** The tasks of an agent, whose events are shown while they are replaced. */
function agentTasks(
  context: CommandContext,
  access: ServerAccess,
  token: TokenSecret,
  progress: Progress,
): RotatedTasks {
  const { clients, names } = context;
  const service = names.agentService(token.owner);
  return {
    replace: () => replaceTasks(clients, names.cluster, service),
    isInForce: (deployment) => isInForce(clients, names.cluster, service, deployment),
    wait: (deployment) => waitForService(context, service, progress, { deployment }),
    seePoll: () => seePoll(access, token),
  };
}
