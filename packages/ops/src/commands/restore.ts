import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type ActionOptions, act, actionOptions, type Progress, UsageError } from "@dbward-aws/cli";
import {
  type ExistingState,
  readStageState,
  STATE_FILE,
  type StageState,
  writeStageState,
} from "@dbward-aws/settings";
import type { TokenSecret } from "@dbward-aws/stage";
import type { BackedUp } from "../backup/back-up.ts";
import { BackupError } from "../backup/backup-error.ts";
import { moveStage } from "../backup/move-stage.ts";
import { prepareFileSystem } from "../backup/prepare-file-system.ts";
import {
  idOf,
  printRecoveryPoints,
  type RecoveryPoint,
  recoveryPoints,
  stageFileSystem,
} from "../backup/recovery-points.ts";
import { checkVault, describeFileSystem, restoreFileSystem } from "../backup/restore-file-system.ts";
import type { CommandContext } from "../command.ts";
import { type DeployTool, deployStage, deployToolOptions } from "../deploy-stage.ts";
import { urlOption } from "../server-access.ts";
import { taskCommand } from "../stopped-stage.ts";

/** `pnpm ops restore`. */
export const restore = taskCommand({
  command: "restore [recovery-point]",
  summary: "Bring a backup back as a new file system, and deploy the stage on it",
  examples: [
    ["restore --stage prod", "Lists the backups, or continues a restore that was cut off"],
    ["restore latest --stage prod", "The newest backup; the former file system is kept"],
    ["restore --back --stage prod", "Back to the former file system"],
  ],
  options: (yargs) =>
    deployToolOptions(
      actionOptions(
        urlOption(
          yargs.positional("recovery-point", {
            type: "string",
            describe: "`latest`, or id or ARN of a recovery point",
          }),
        ),
      ),
    )
      .option("back", {
        type: "boolean",
        default: false,
        describe: "Go back to the file system before the last restore",
      })
      .option("path", {
        type: "string",
        requiresArg: true,
        describe: "Directory of the state in the backup (default: that of the server)",
      }),
  run: (context, { recoveryPoint, back, path, url, with: tool, build, ...options }) =>
    run(context, { wanted: recoveryPoint, back, path, url, tool, build }, options),
});

interface RestoreRequest extends DeployTool {
  /** How the command line names the recovery point. */
  readonly wanted: string | undefined;
  readonly back: boolean;
  readonly path: string | undefined;
  readonly url: string | undefined;
}

/** The file of the stage's file systems, and what it has. */
interface StateRecord {
  readonly known: StageState;
  /** Reads it again. */
  read(): StageState;
  write(state: StageState): void;
}

async function run(
  context: CommandContext,
  request: RestoreRequest,
  options: ActionOptions,
): Promise<number> {
  const { wanted, back } = request;
  if (back && wanted !== undefined)
    throw new UsageError("--back takes no recovery point.", "It goes to the file system before the restore.");
  const record = stateRecord(context);
  const { known } = record;
  if (known.moving && wanted !== undefined && !isRestored(wanted, known))
    throw new BackupError(
      `The move of the stage to file system ${known.state?.fileSystemId} was cut off.`,
      `Run \`pnpm ops restore --stage ${context.settings.stage}\` to finish it, or add --back to undo it.`,
    );
  if (known.moving && (!back || known.moving === "back")) {
    const { state, former, moving } = known;
    return move(context, request, options, record, { from: former, to: state, direction: moving });
  }
  if (back) {
    const { state, former } = known;
    return move(context, request, options, record, { from: state, to: former, direction: "back" });
  }
  return restoreAndMove(context, request, options, record);
}

/** Whether the restore that is under way is of the recovery point that is named. */
function isRestored(wanted: string, { restore }: StageState): boolean {
  if (restore === undefined) return false;
  const arn = restore.recoveryPoint;
  return wanted === "latest" || wanted === arn || wanted === idOf({ arn });
}

/** Reads the file of the file systems. @throws BackupError when the settings don't take `state` from there */
function stateRecord({ settings, root }: CommandContext): StateRecord {
  const { stage } = settings;
  const file = join(root, STATE_FILE);
  const known = readStageState(file, stage);
  if (!isDeepStrictEqual(settings.state && { ...settings.state }, known.state))
    throw new BackupError(
      `The settings of stage ${stage} don't take \`state\` from ${STATE_FILE}, which this command changes.`,
      `Write \`...readState(new URL("./${STATE_FILE}", import.meta.url), "${stage}"),\` into the stage in dbward.config.ts, as the shipped one does` +
        (settings.state
          ? `, in place of \`state\`, and into ${STATE_FILE}: ${JSON.stringify({ [stage]: { state: settings.state } })}`
          : "."),
    );
  return {
    known,
    read: () => readStageState(file, stage),
    write: (state) => writeStageState(file, stage, state),
  };
}

const NOTES = {
  backup: "What happened since the backup is lost: requests, users, tokens, entries of the audit log.",
  kept: (id: string) => `File system ${id} is kept.`,
};

function moveSteps({ settings }: CommandContext, to: string): string[] {
  return [
    "Stop the server, and wait until its task has ended",
    `Write ${to} into ${STATE_FILE}`,
    `Deploy stage ${settings.stage} on it, and start the server`,
    "Wait until it is ready, and see which tokens it knows",
  ];
}

/** A move without a restore: a continued one, or the way back. */
async function move(
  context: CommandContext,
  request: RestoreRequest,
  options: ActionOptions,
  record: StateRecord,
  {
    from,
    to,
    direction,
  }: {
    readonly from: ExistingState | undefined;
    readonly to: ExistingState | undefined;
    readonly direction: "restored" | "back";
  },
): Promise<number> {
  const { stage } = context.settings;
  if (!from || !to)
    throw new UsageError(
      `Stage ${stage} was not restored: ${STATE_FILE} has no former file system.`,
      `To restore a backup: pnpm ops restore latest --stage ${stage}`,
    );
  const plan = {
    title: `Move stage ${stage} ${direction === "back" ? "back " : ""}to file system ${to.fileSystemId}`,
    steps: moveSteps(context, to.fileSystemId),
    notes: [NOTES.kept(from.fileSystemId)],
  };
  return act(context.io, options, plan, async (progress) =>
    finish(
      context,
      from,
      to,
      await moveTo(context, request, options, record, { from, to, direction }, progress),
      progress,
    ),
  );
}

async function moveTo(
  context: CommandContext,
  request: RestoreRequest,
  { json }: ActionOptions,
  { known, write }: StateRecord,
  way: {
    readonly from: ExistingState;
    readonly to: ExistingState;
    readonly direction: "restored" | "back";
  },
  progress: Progress,
): Promise<readonly TokenSecret[]> {
  const { stage } = context.settings;
  const deploy = () => deployStage(context, { ...request, json, awaits: "server" }, progress);
  try {
    return await moveStage(
      context,
      {
        ...way,
        // So that the same command line continues after a cut.
        write: (state) =>
          write({
            ...state,
            ...(state.moving === "restored" && known.restore && { restore: known.restore }),
          }),
        deploy,
        url: request.url,
      },
      progress,
    );
  } catch (error) {
    if (context.signal.aborted) throw error;
    throw new BackupError(
      `Stage ${stage} was not moved to file system ${way.to.fileSystemId}. ${error instanceof Error ? error.message : String(error)}`,
      `Remove the cause, and run \`pnpm ops restore --stage ${stage}\` to continue${way.direction === "back" ? "" : ", or add --back to undo the move"}.`,
    );
  }
}

/** Says what is left to do. @returns the fields of the JSON output */
function finish(
  { settings }: CommandContext,
  from: ExistingState,
  to: ExistingState,
  unknown: readonly TokenSecret[],
  progress: Progress,
) {
  const { stage } = settings;
  for (const { owner, kind } of unknown)
    progress.done(
      `The server doesn't know the token of ${owner}. Run: pnpm ops tokens ${kind === "admin" ? "recover" : `rotate ${owner}`} --stage ${stage}`,
    );
  progress.done(
    `File system ${from.fileSystemId} is kept: pnpm ops cleanup --stage ${stage} names it, pnpm ops restore --back --stage ${stage} goes back to it. Commit ${STATE_FILE}.`,
  );
  return {
    fileSystem: to.fileSystemId,
    former: from.fileSystemId,
    unknownTokens: unknown.map(({ owner }) => owner),
  };
}

async function restoreAndMove(
  context: CommandContext,
  request: RestoreRequest,
  options: ActionOptions,
  record: StateRecord,
): Promise<number> {
  const { settings } = context;
  const { stage } = settings;
  const { known } = record;
  const current = await stageFileSystem(context);
  const former = [known.former?.fileSystemId].filter((id) => id !== undefined);
  const points = await recoveryPoints(context, current, former);
  const point = await choosePoint(context, request, record, points);
  if (!point) {
    printRecoveryPoints(context, points, options.json);
    return 0;
  }
  await checkVault(context, point.vault);
  const from = known.state ?? { fileSystemId: current.id };
  const isContinued = known.restore?.recoveryPoint === point.arn;
  const plan = {
    title: `Restore stage ${stage} to ${point.created?.toISOString() ?? "a backup"}`,
    steps: [
      isContinued
        ? `Wait for the restore of ${idOf(point)}, which was begun`
        : `Restore ${idOf(point)} to a new, encrypted file system`,
      "Move the state on it to its place by a one-off task, and set its policy and tags",
      ...moveSteps(context, "the new file system"),
    ],
    notes: [NOTES.backup, NOTES.kept(from.fileSystemId)],
  };
  return act(context.io, options, plan, async (progress) => {
    const id = await restored(context, request, point, current, record, progress);
    const to = { fileSystemId: id };
    const direction = "restored" as const;
    const unknown = await moveTo(
      context,
      request,
      options,
      { ...record, known: record.read() },
      { from, to, direction },
      progress,
    );
    return {
      recoveryPoint: point.arn,
      ...finish(context, from, to, unknown, progress),
    };
  });
}

/** @returns `undefined` when none is named and no restore is to be continued */
async function choosePoint(
  { settings }: CommandContext,
  { wanted }: RestoreRequest,
  { known }: StateRecord,
  points: readonly RecoveryPoint[],
): Promise<RecoveryPoint | undefined> {
  const name = wanted === undefined || isRestored(wanted, known) ? known.restore?.recoveryPoint : wanted;
  if (name === undefined) return undefined;
  const usable = points.filter(({ status }) => status === "COMPLETED" || status === "AVAILABLE");
  const found =
    name === "latest" ? usable[0] : usable.find((point) => point.arn === name || idOf(point) === name);
  if (found) return found;
  throw new BackupError(
    `Stage ${settings.stage} has no complete recovery point ${name}.`,
    `See what there is: pnpm ops backup list --stage ${settings.stage}`,
  );
}

/** @returns the id of the restored file system, which is ready to be deployed on */
async function restored(
  context: CommandContext,
  { path }: RestoreRequest,
  point: RecoveryPoint,
  current: BackedUp,
  { known, write }: StateRecord,
  progress: Progress,
): Promise<string> {
  const begun =
    known.restore?.recoveryPoint === point.arn
      ? known.restore
      : { recoveryPoint: point.arn, token: `dbward-${randomUUID()}` };
  write({ ...known, restore: begun });
  progress.step("Restoring the file system");
  const ended = begun.fileSystemId
    ? { id: begun.fileSystemId }
    : await restoreFileSystem(
        context,
        point,
        begun.token,
        await describeFileSystem(context, current.id),
        progress,
      );
  if ("failed" in ended) {
    const { restore: _failed, ...rest } = known;
    write(rest);
    throw new BackupError(ended.failed, "Nothing was changed. Remove the cause, and run this again.");
  }
  write({ ...known, restore: { ...begun, fileSystemId: ended.id } });
  progress.done(`Restored to file system ${ended.id}`);
  await prepareFileSystem(context, ended.id, path, progress);
  return ended.id;
}
