import { type ActionOptions, act, actionOptions, type Progress, UsageError } from "@dbward-aws/cli";
import { backUp, runningBackup } from "../backup/back-up.ts";
import { backupPlace, checkKeepDays } from "../backup/backup-place.ts";
import { idOf, printRecoveryPoints, recoveryPoints, stageFileSystem } from "../backup/recovery-points.ts";
import { type CommandContext, command } from "../command.ts";
import { waitForService } from "../rollout.ts";
import { scaleService, serverServiceOf, stopService } from "../service-control.ts";
import { refuseWhenStopped } from "../stopped-stage.ts";

/** `pnpm ops backup`. */
export const backup = command({
  command: "backup",
  summary: "Back up the server's file system, and list its backups",
  commands: [
    command({
      command: ["create", "$0"],
      summary: "Make a recovery point, and wait for it",
      examples: [
        ["backup --stage prod", "Kept as long as a daily copy; the server keeps working"],
        ["backup --stop --stage prod", "With the server stopped meanwhile, so that the copy is exact"],
        ["backup --keep-days 365 --vault yearly --stage prod", "In a vault of yours"],
      ],
      options: (yargs) =>
        actionOptions(yargs)
          .option("vault", {
            type: "string",
            requiresArg: true,
            describe: "Backup vault (default: that of the stage)",
          })
          .option("stop", {
            type: "boolean",
            default: false,
            describe: "Stop the server meanwhile, for a copy of one moment",
          })
          .option("keep-days", {
            type: "number",
            requiresArg: true,
            describe: "Days after which it is deleted (default: backup.keepDays of the settings)",
            coerce: days,
          }),
      run: (context, { vault, keepDays, stop, ...options }) =>
        create(context, { vault, keepDays, stop }, options),
    }),
    command({
      command: "list",
      summary: "List the backups of the stage's file systems",
      examples: [["backup list --stage prod", "Newest first; `restore` takes the first column"]],
      options: (yargs) => yargs.option("json", { type: "boolean", default: false, describe: "Print JSON" }),
      async run(context, { json }) {
        printRecoveryPoints(context, await recoveryPoints(context, await stageFileSystem(context)), json);
        return 0;
      },
    }),
  ],
});

/** AWS Backup keeps a recovery point for at most 100 years. */
const MAX_DAYS = 36_500;

function days(value: number | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && value >= 1 && value <= MAX_DAYS) return value;
  throw new UsageError(`--keep-days must be a whole number from 1 to ${MAX_DAYS}.`, "Use, for example, 35.");
}

async function create(
  context: CommandContext,
  wanted: {
    readonly vault: string | undefined;
    readonly keepDays: number | undefined;
    readonly stop: boolean;
  },
  options: ActionOptions,
): Promise<number> {
  const { settings, io } = context;
  const { stop, keepDays = settings.backup.keepDays } = wanted;
  // It would start the server afterwards, and the server alone.
  if (stop) await refuseWhenStopped(context);
  const fileSystem = await stageFileSystem(context);
  const vault = wanted.vault ?? (await backupPlace(context)).vault;
  const running = await runningBackup(context, fileSystem);
  if (stop || !running) await checkKeepDays(context, vault, keepDays);
  const copy = `Copy file system ${fileSystem.id} to vault ${vault}, to be kept for ${keepDays} days`;
  const wait =
    running &&
    `Wait for backup job ${running.BackupJobId} of file system ${fileSystem.id}, which is ${running.State}`;
  const plan = {
    title: `Back up stage ${settings.stage}`,
    steps: stop
      ? [
          "Stop the server, and wait until its task has ended",
          ...(wait ? [wait] : []),
          copy,
          "Check the recovery point",
          "Start the server",
        ]
      : [wait ?? `${copy}. The server keeps working`, "Check the recovery point"],
    notes: stop
      ? []
      : [
          "What the server writes meanwhile may be torn in the copy; --stop stops it for as long as it takes.",
        ],
  };
  return act(io, options, plan, async (progress) => {
    const backUpNow = () => backUp(context, fileSystem, progress, { vault, keepDays, isFresh: stop });
    const recoveryPoint = stop ? await whileStopped(context, backUpNow, progress) : await backUpNow();
    progress.done(`Backed up: ${idOf({ arn: recoveryPoint })}`);
    return { recoveryPoint, fileSystem: fileSystem.id };
  });
}

/** Does something with the server stopped, and starts it afterwards, also when that has failed. */
async function whileStopped<T>(
  context: CommandContext,
  work: () => Promise<T>,
  progress: Progress,
): Promise<T> {
  progress.step("Stopping the server");
  await stopService(context, serverServiceOf(context));
  try {
    return await work();
  } finally {
    await scaleService(context.clients, serverServiceOf(context), 1);
    await waitForService(context, context.names.serverService, progress);
  }
}
