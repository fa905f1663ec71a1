import { type ActionOptions, act } from "@dbward-aws/cli";
import { Deadline } from "@dbward-aws/core";
import type { TokenSecret } from "@dbward-aws/stage";
import type { CommandContext } from "../command.ts";
import { changeService } from "../rollout.ts";
import { rotateMetricsToken } from "./rotate-metrics-token.ts";
import { RotationError, rotateToken, rotationState } from "./rotate-token.ts";
import { callOptions, findByValue, type ServerAccess } from "./server-tokens.ts";
import { TokenStore, type TokenVersions } from "./token-store.ts";
import { withAdmin } from "./with-admin.ts";

/** `pnpm ops tokens rotate`. */
export async function rotate(
  context: CommandContext,
  token: TokenSecret,
  url: string | undefined,
  options: ActionOptions,
): Promise<number> {
  const { owner, kind, secret, subject } = token;
  const { clients, names, settings, signal, io } = context;
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
        ...(kind === "agent" && {
          restart: async () => {
            progress.step(`Replacing the tasks of agent ${owner}`);
            await changeService(context, names.agentService(owner), { forceNewDeployment: true }, progress);
          },
          seeInUse: () => seePoll(access, token, signal),
        }),
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

/** Milliseconds within which an agent with new, healthy tasks has to poll. */
const POLL_WITHIN = 120_000;

/** Waits until the agent of a token polls. */
async function seePoll(
  access: ServerAccess,
  { owner, subject }: TokenSecret,
  signal: AbortSignal,
): Promise<void> {
  const since = Date.now();
  const polled = await Deadline.after(POLL_WITHIN, signal).until(async () => {
    const row = (await access.client.agents(callOptions(access))).find(({ id }) => id === subject);
    const age = (Date.now() - since) / 1000;
    return (row && row.status !== "offline" && row.lastPollAgeSeconds < age) || undefined;
  }, 1_000);
  if (signal.aborted) throw signal.reason;
  if (!polled)
    throw new RotationError(
      `Agent ${owner} has not polled the server for ${POLL_WITHIN / 1000} s, although its tasks are new and healthy.`,
      `See why with \`pnpm ops logs agent ${owner}\`, and run this command again: it continues.`,
    );
}
