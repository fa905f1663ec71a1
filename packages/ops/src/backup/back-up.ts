import {
  type BackupJob,
  DescribeBackupJobCommand,
  DescribeRecoveryPointCommand,
  paginateListBackupJobs,
  StartBackupJobCommand,
} from "@aws-sdk/client-backup";
import { DescribeBackupPolicyCommand } from "@aws-sdk/client-efs";
import type { Progress } from "@dbward-aws/cli";
import { Deadline } from "@dbward-aws/core";
import { during, everyItem, ifThere } from "@dbward-aws/stage";
import type { CommandContext } from "../command.ts";
import { BackupError } from "./backup-error.ts";
import { backupPlace, backupRole } from "./backup-place.ts";

/** Milliseconds for a backup; one of a small file system takes some minutes. */
const BACKUP_WITHIN = 3 * 3_600_000;
const ASK_EVERY_MS = 10_000;
const UNDER_WAY = ["CREATED", "PENDING", "RUNNING"];
const ENDED = ["COMPLETED", "FAILED", "ABORTED", "EXPIRED", "PARTIAL"];

/** A file system to back up. */
export interface BackedUp {
  readonly id: string;
  readonly arn: string;
}

/** Where a backup goes, and for how long. */
export interface BackupOptions {
  /** Name of the vault. @default - that of the stage, as deployed */
  readonly vault?: string | undefined;
  /** Days after which AWS Backup deletes it. @default - as the settings say */
  readonly keepDays?: number | undefined;
  /** Wait for a job that is under way, and start another one after it. @default false */
  readonly isFresh?: boolean;
  /** What else the user can do when no backup can be made, as a sentence. @default - nothing */
  readonly otherwise?: string;
}

/** Whether a file system has a place for its copies: the stage's, or that of its automatic backups. */
export async function hasBackups(context: CommandContext, fileSystemId: string): Promise<boolean> {
  const { clients } = context;
  if ((await backupPlace(context)).roleArn) return true;
  const found = await ifThere(
    `Reading the backup policy of file system ${fileSystemId}`,
    clients.efs.send(new DescribeBackupPolicyCommand({ FileSystemId: fileSystemId })),
    "PolicyNotFound",
  );
  return found?.BackupPolicy?.Status === "ENABLED";
}

/** The backup job of a file system that is under way. AWS Backup runs one at a time. */
export async function runningBackup(
  { clients }: CommandContext,
  { id, arn }: BackedUp,
): Promise<BackupJob | undefined> {
  const jobs = await during(
    `Listing the backup jobs of file system ${id}`,
    everyItem(
      paginateListBackupJobs({ client: clients.backup }, { ByResourceArn: arn }),
      (page) => page.BackupJobs,
    ),
  );
  return jobs.find(({ State = "" }) => UNDER_WAY.includes(State));
}

/**
 * Makes a recovery point of a file system on demand, and waits for it. A job that is under way is waited for instead.
 *
 * @returns its ARN
 * @throws BackupError, AwsCallError
 */
export async function backUp(
  context: CommandContext,
  fileSystem: BackedUp,
  progress: Progress,
  options: BackupOptions = {},
): Promise<string> {
  const { signal } = context;
  let started = (await runningBackup(context, fileSystem))?.BackupJobId;
  if (started !== undefined && options.isFresh) {
    await endOfBackup(context, started, progress);
    started = undefined;
  }
  const jobId = started ?? (await startBackup(context, fileSystem, options));
  const ended = await endOfBackup(context, jobId, progress);
  if (ended?.State !== "COMPLETED" || !ended.RecoveryPointArn) {
    signal.throwIfAborted();
    throw new BackupError(
      `Backup job ${jobId} of file system ${fileSystem.id} ${
        ended ? `is ${ended.State}${ended.StatusMessage ? `: ${ended.StatusMessage}` : ""}` : "has not ended"
      }.`,
      ["See the job in the console of AWS Backup.", options.otherwise].filter(Boolean).join(" "),
    );
  }
  await checkRecoveryPoint(
    context,
    ended.BackupVaultName ?? (await backupPlace(context)).vault,
    ended.RecoveryPointArn,
  );
  return ended.RecoveryPointArn;
}

/** @returns the job, `undefined` when it has not ended in time */
function endOfBackup({ clients, signal }: CommandContext, jobId: string, progress: Progress) {
  return Deadline.after(BACKUP_WITHIN, signal).until(async () => {
    const job = await during(
      `Looking up backup job ${jobId}`,
      clients.backup.send(new DescribeBackupJobCommand({ BackupJobId: jobId })),
    );
    if (job.PercentDone)
      progress.step(
        `Backing up the server's file system: ${Math.round(Number.parseFloat(job.PercentDone))} %`,
      );
    return ENDED.includes(job.State ?? "") ? job : undefined;
  }, ASK_EVERY_MS);
}

async function startBackup(
  context: CommandContext,
  { id, arn }: BackedUp,
  { vault, keepDays = context.settings.backup.keepDays, otherwise }: BackupOptions,
): Promise<string> {
  const { BackupJobId = "" } = await during(
    `Starting a backup of file system ${id}`,
    context.clients.backup.send(
      new StartBackupJobCommand({
        BackupVaultName: vault ?? (await backupPlace(context)).vault,
        ResourceArn: arn,
        IamRoleArn: await backupRole(context, otherwise),
        Lifecycle: { DeleteAfterDays: keepDays },
      }),
    ),
  );
  return BackupJobId;
}

/** @throws BackupError unless a recovery point is there and complete */
async function checkRecoveryPoint({ clients }: CommandContext, vault: string, arn: string): Promise<void> {
  const point = await during(
    `Looking up recovery point ${arn}`,
    clients.backup.send(new DescribeRecoveryPointCommand({ BackupVaultName: vault, RecoveryPointArn: arn })),
  );
  if (point.Status === "COMPLETED") return;
  throw new BackupError(
    `Recovery point ${arn} is ${point.Status}${point.StatusMessage ? `: ${point.StatusMessage}` : ""}.`,
    "It can't be restored. Make another backup.",
  );
}
