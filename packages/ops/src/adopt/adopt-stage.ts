import { join } from "node:path";
import { type ActionOptions, act, type Progress, UsageError } from "@dbward-aws/cli";
import { loadStage } from "@dbward-aws/settings";
import { createAwsClients, readAccount, ServiceNotRunningError, takeIdentity } from "@dbward-aws/stage";
import type { CommandContext } from "../command.ts";
import { createContext } from "../create-context.ts";
import { askOnTerminal } from "../init/ask-on-terminal.ts";
import { ensureMountTarget } from "../mount-target.ts";
import { preflight } from "../preflight/preflight.ts";
import { writeText } from "../project-files.ts";
import { tryServer } from "../server-access.ts";
import { desiredTasks } from "../service-control.ts";
import { type AdoptContext, AdoptionError, type AdoptRequest, contextOf } from "./adopt-context.ts";
import { type AdoptionRecord, readRecord, recordFile, writeRecord } from "./adoption-record.ts";
import { removalOf, serviceWords, takeOverSteps } from "./adoption-words.ts";
import { afterFailedCutOver, cutOver, goBack } from "./cut-over.ts";
import { findPlace } from "./find-place.ts";
import { type FormerService, readHandRun } from "./hand-run.ts";
import { planFiles } from "./plan-files.ts";
import { readFormerServer } from "./server-content.ts";
import { differencesOf, type StageSources, stageInMemory, versionsOf } from "./stage-of-hand-run.ts";
import { type Steps, stepsFor } from "./steps-for.ts";
import { verifyFormer } from "./verify.ts";

/**
 * Takes over a manual deployment as a stage, or goes back to it. It can be run again after a cut at any step: once something
 * was changed, the record of the adoption says how to go on, and how to go back.
 *
 * @returns the exit code
 * @throws UsageError, SettingsError, PreflightError, AdoptionError, DeploymentError, AwsCallError
 */
export async function adoptStage(
  context: AdoptContext,
  request: AdoptRequest,
  options: ActionOptions,
): Promise<number> {
  const { root, stage } = context;
  const record = await readRecord(root, stage);
  if (request.back) return back(context, record, request, options);
  return record === undefined ? begin(context, request, options) : proceed(context, record, request, options);
}

/** The first run: reads the deployment, and writes the settings. */
async function begin(
  { stage, configFile, root, common, io }: AdoptContext,
  request: AdoptRequest,
  options: ActionOptions,
): Promise<number> {
  const { profile, region: named } = common;
  const identity = await takeIdentity({ profile, region: named }, process.env);
  const { region } = identity;
  const clients = createAwsClients(region);
  const account = await readAccount(clients.sts);
  io.complain(`Account ${account}, region ${region}`);

  const found = await readHandRun(clients, stage, request.stacks);
  const { server, agents } = found;
  const place = await findPlace(clients, found, request.subnets);
  const { version, content, bootstrapAgent } = await readFormerServer(
    clients,
    server,
    agents,
    io.signal,
  ).catch((error: unknown) => {
    if (!(error instanceof ServiceNotRunningError)) throw error;
    throw new AdoptionError(
      `What the server of stack ${server.stack} has can't be read, so it could not be compared after the adoption. ${error.message}`,
      "Start it first, so that its state is known to be good.",
      error,
    );
  });
  const sources: StageSources = {
    stage,
    account,
    region,
    found,
    place,
    bootstrapAgent,
    databaseCidrs: request.databaseCidrs,
  };
  const files = await planFiles({ stage, configFile, root }, sources, versionsOf(found, version));
  const config = { stages: { [stage]: stageInMemory(sources, files.versions) } };
  const settings = loadStage(config, stage, { root });
  const { warnings } = await preflight(settings, clients, undefined, true);
  for (const warning of warnings) io.complain(`Warning: ${warning}`);

  const record: AdoptionRecord = {
    state: "taking-over",
    fileSystemId: server.fileSystemId,
    server: serviceOf(server),
    agents: agents.map(serviceOf),
    stacks: found.stacks.map(({ name }) => name),
    mountTargetGroup: place.mountTargetGroup,
    serverGroups: [...server.securityGroups],
    before: content,
  };
  const plan = {
    title: `Take over ${record.stacks.join(", ")} as stage ${stage}`,
    steps: [
      ...place.withoutMountTarget.map(
        (subnet) => `Create a mount target of ${server.fileSystemId} in ${subnet}: its zone has none`,
      ),
      `Write ${[...files.changed.map(({ path }) => path), recordFile(stage)].join(", ")}`,
      ...takeOverSteps(record, request, stage),
    ],
    notes: differencesOf(sources),
  };
  return act(io, options, plan, async (progress) => {
    for (const subnet of place.withoutMountTarget) {
      progress.step(`Creating a mount target of ${server.fileSystemId} in ${subnet}`);
      await ensureMountTarget(
        { clients, signal: io.signal },
        { fileSystemId: server.fileSystemId, subnet, securityGroup: place.mountTargetGroup },
      );
    }
    for (const { path, text } of files.changed) await writeText(join(root, path), text);
    // Last: from now on another run goes on with the cut-over.
    await writeRecord(root, stage, record);
    progress.done(`The settings of stage ${stage} are written`);
    return takeOver({ stage, configFile, root, common, io }, record, request, options, progress);
  });
}

/** A further run: the settings are written. */
async function proceed(
  context: AdoptContext,
  record: AdoptionRecord,
  request: AdoptRequest,
  options: ActionOptions,
): Promise<number> {
  const { stage, io } = context;
  const isDone = record.state === "adopted";
  const stacks = record.stacks.join(", ");
  const plan = {
    title: isDone
      ? `Stage ${stage} has taken over ${stacks}`
      : `Go on to take over ${stacks} as stage ${stage}`,
    steps: isDone ? [] : takeOverSteps(record, request, stage),
    notes: isDone ? removalOf(record, (await createContext(context.common, io, false)).region) : [],
  };
  return act(io, options, plan, (progress) => takeOver(context, record, request, options, progress));
}

async function back(
  context: AdoptContext,
  record: AdoptionRecord | undefined,
  request: AdoptRequest,
  options: ActionOptions,
): Promise<number> {
  const { stage, io } = context;
  if (!record)
    throw new UsageError(
      `Stage ${stage} has not taken over anything: there is no ${recordFile(stage)}.`,
      "Run this in the project's folder in which `pnpm ops adopt` ran.",
    );
  const plan = {
    title: `Go back from stage ${stage} to ${record.stacks.join(", ")}`,
    steps:
      record.state === "back"
        ? []
        : [
            "Wait until no stack of the stage is in the middle of an operation",
            "Stop the stage's agents and its server, and wait until their tasks have ended",
            `Start service ${record.server.service} of cluster ${record.server.cluster}, then ${serviceWords(record.agents)}`,
            "Compare users, tokens and requests with what was there before the adoption",
          ],
    notes: [
      "The stage's stacks and its settings stay. `pnpm ops adopt` takes over again; `pnpm ops remove` deletes the stacks.",
    ],
  };
  return act(io, options, plan, async (progress) => {
    const steps = await stepsFor(context, record, request, options, progress);
    await wentBack(context, record, steps, progress);
    return { stage, former: record.stacks };
  });
}

async function wentBack(
  { stage, root, io }: AdoptContext,
  record: AdoptionRecord,
  { former, stage: side, clients }: Steps,
  progress: Progress,
): Promise<void> {
  await goBack({
    former,
    stage: side,
    verify: async () => {
      progress.step("Comparing what the server has");
      await verifyFormer(clients, record, io.signal);
    },
  });
  await writeRecord(root, stage, { ...record, state: "back" });
  progress.done("The former services run again, with all of their users, tokens and requests.");
}

function serviceOf({ stack, cluster, service, container, tasks }: FormerService) {
  return { stack, cluster, service, container, tasks };
}

/** Cuts over. When the server of the stage doesn't start, it goes back, after a question unless there is `--yes`. */
async function takeOver(
  context: AdoptContext,
  record: AdoptionRecord,
  request: AdoptRequest,
  options: ActionOptions,
  progress: Progress,
) {
  const { stage, root } = context;
  const begun = { ...record, state: "taking-over" as const };
  await writeRecord(root, stage, begun);
  const steps = await stepsFor(context, begun, request, options, progress);
  try {
    await cutOver(steps);
  } catch (error) {
    progress.stop();
    throw await afterFailure(context, begun, steps, options, progress, error);
  }
  await writeRecord(root, stage, { ...begun, state: "adopted" });
  progress.done(`Stage ${stage} has taken over, with all of the former users, tokens and requests.`);
  const removal = removalOf(record, (await contextOf(context)).region);
  for (const line of removal) progress.note(line);
  return { stage, former: record.stacks, removal };
}

/** @returns the error to throw */
async function afterFailure(
  context: AdoptContext,
  record: AdoptionRecord,
  steps: Steps,
  { yes }: ActionOptions,
  progress: Progress,
  error: unknown,
): Promise<unknown> {
  const { stage, io } = context;
  const again = `Remove the cause and run this again: it continues. The way back: pnpm ops adopt --back --stage ${stage}`;
  if (io.signal.aborted) return error;
  const cause = error instanceof Error ? error.message : String(error);
  const agrees = async () =>
    yes ||
    (io.terminal !== undefined &&
      (await askOnTerminal(io, io.terminal).choose(
        "The server of the stage does not run. Go back to the former one?",
        [
          { value: "back", label: "Go back: start the former services again" },
          { value: "stay", label: "Leave everything stopped" },
        ],
      )) === "back");
  const state = await afterFailedCutOver({
    isServing: async () => isServing(await contextOf(context)),
    isFormerStopped: async () => (await desiredTasks(steps.clients, record.server)) === 0,
    agrees,
    async goBack() {
      io.complain(`The stage's server does not run: going back. ${cause}`);
      await wentBack(context, record, steps, progress);
    },
  });
  switch (state) {
    case "former-runs":
      return error;
    case "stage-serves":
      return new AdoptionError(
        `The stage's server runs, and the adoption is not complete. ${cause}`,
        again,
        error,
      );
    case "all-stopped":
      return new AdoptionError(
        `The stage's server does not run, and the former one is stopped. ${cause}`,
        again,
        error,
      );
    case "went-back":
      return new AdoptionError(
        `The stage was not deployed, and the former services run again. ${cause}`,
        "Remove the cause, and run this again.",
        error,
      );
  }
}

async function isServing(context: CommandContext): Promise<boolean> {
  const server = await tryServer(context);
  if ("unreachable" in server) return false;
  try {
    return (await server.client.ready()).state === "ready";
  } catch {
    return false;
  } finally {
    await server.close();
  }
}
