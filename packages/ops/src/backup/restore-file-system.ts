import {
  DescribeRestoreJobCommand,
  GetBackupVaultAccessPolicyCommand,
  GetRecoveryPointRestoreMetadataCommand,
  StartRestoreJobCommand,
} from "@aws-sdk/client-backup";
import { DescribeFileSystemsCommand, type FileSystemDescription } from "@aws-sdk/client-efs";
import type { Progress } from "@dbward-aws/cli";
import { Deadline } from "@dbward-aws/core";
import { during, ifThere } from "@dbward-aws/stage";
import { z } from "zod";
import type { CommandContext } from "../command.ts";
import { BackupError } from "./backup-error.ts";
import { backupRole } from "./backup-place.ts";
import type { RecoveryPoint } from "./recovery-points.ts";

/** Milliseconds for a restore; one of a small file system takes some minutes. */
const RESTORE_WITHIN = 6 * 3_600_000;
const AVAILABLE_WITHIN = 600_000;
const ASK_EVERY_MS = 10_000;
const START = "backup:StartRestoreJob";

/** A file system; `undefined` when it doesn't exist. */
export async function describeFileSystem(
  { clients }: CommandContext,
  id: string,
): Promise<FileSystemDescription | undefined> {
  const found = await ifThere(
    `Looking up file system ${id}`,
    clients.efs.send(new DescribeFileSystemsCommand({ FileSystemId: id })),
    "FileSystemNotFound",
  );
  return found?.FileSystems?.[0];
}

/**
 * Restores a recovery point to a new, encrypted file system, and waits for it.
 *
 * @param token the same for every attempt: AWS Backup starts one job for it, and EFS creates one file system
 * @param current the file system in use, whose key the new one gets
 * @returns the new file system's id; `failed` with the reason when the job has failed: the next attempt needs
 *   another token
 * @throws BackupError, AwsCallError
 */
export async function restoreFileSystem(
  context: CommandContext,
  point: Pick<RecoveryPoint, "arn" | "vault">,
  token: string,
  current: FileSystemDescription | undefined,
  progress: Progress,
): Promise<{ readonly id: string } | { readonly failed: string }> {
  const { clients, signal } = context;
  const { RestoreMetadata = {} } = await during(
    `Reading the metadata of recovery point ${point.arn}`,
    clients.backup.send(
      new GetRecoveryPointRestoreMetadataCommand({
        BackupVaultName: point.vault,
        RecoveryPointArn: point.arn,
      }),
    ),
  );
  const key = current?.KmsKeyId ?? RestoreMetadata.KmsKeyId;
  const { RestoreJobId = "" } = await during(
    `Starting a restore of ${point.arn}`,
    clients.backup.send(
      new StartRestoreJobCommand({
        RecoveryPointArn: point.arn,
        IamRoleArn: await backupRole(context),
        IdempotencyToken: token,
        ResourceType: "EFS",
        // https://docs.aws.amazon.com/aws-backup/latest/devguide/restoring-efs.html#efs-restore-cli
        Metadata: {
          "file-system-id": RestoreMetadata["file-system-id"] ?? "",
          newFileSystem: "true",
          CreationToken: token,
          Encrypted: "true",
          ...(key && { KmsKeyId: key }),
          PerformanceMode: "generalPurpose",
        },
      }),
    ),
  );
  const ended = await Deadline.after(RESTORE_WITHIN, signal).until(async () => {
    const job = await during(
      `Looking up restore job ${RestoreJobId}`,
      clients.backup.send(new DescribeRestoreJobCommand({ RestoreJobId })),
    );
    const percent = Number.parseFloat(job.PercentDone ?? "");
    if (percent > 0) progress.step(`Restoring the file system: ${Math.round(percent)} %`);
    return ["COMPLETED", "FAILED", "ABORTED"].includes(job.Status ?? "") ? job : undefined;
  }, ASK_EVERY_MS);
  signal.throwIfAborted();
  if (!ended)
    throw new BackupError(
      `Restore job ${RestoreJobId} has not ended.`,
      "See it in the console of AWS Backup, and run this again: it waits for the same job.",
    );
  const id = ended.CreatedResourceArn?.split("/").at(-1);
  if (ended.Status !== "COMPLETED" || !id)
    return {
      failed: `Restore job ${RestoreJobId} is ${ended.Status}${ended.StatusMessage ? `: ${ended.StatusMessage}` : ""}.`,
    };
  const available = await Deadline.after(AVAILABLE_WITHIN, signal).until(
    async () =>
      ["available", "updating"].includes((await describeFileSystem(context, id))?.LifeCycleState ?? "") ||
      undefined,
    ASK_EVERY_MS,
  );
  signal.throwIfAborted();
  if (available) return { id };
  throw new BackupError(`The restored file system ${id} is not available.`, "See it in the console of EFS.");
}

const policyText = z.looseObject({
  Statement: z.array(
    z.looseObject({ Effect: z.string(), Action: z.union([z.string(), z.array(z.string())]).optional() }),
  ),
});

/**
 * The policy that EFS gives to the vault of the automatic backups denies every restore.
 *
 * @throws BackupError with the command that allows it
 */
export async function checkVault(context: CommandContext, vault: string): Promise<void> {
  const { clients, region, settings } = context;
  const answer = await ifThere(
    `Reading the access policy of vault ${vault}`,
    clients.backup.send(new GetBackupVaultAccessPolicyCommand({ BackupVaultName: vault })),
    "ResourceNotFoundException",
  );
  const policy = policyText.safeParse(parse(answer?.Policy)).data;
  if (!policy) return;
  const actions = (action: string | readonly string[] = []) => [action].flat();
  const denies = policy.Statement.some(
    ({ Effect, Action }) => Effect === "Deny" && actions(Action).includes(START),
  );
  if (!denies) return;
  const Statement = policy.Statement.map((statement) =>
    statement.Effect === "Deny"
      ? { ...statement, Action: actions(statement.Action).filter((action) => action !== START) }
      : statement,
  ).filter(({ Action }) => actions(Action).length > 0);
  const changed = JSON.stringify({ ...policy, Statement });
  throw new BackupError(
    `The access policy of vault ${vault} denies ${START}, as that of the automatic backups does at first.`,
    `Take it out, and run this again: aws backup put-backup-vault-access-policy --backup-vault-name ${vault} --region ${region} ` +
      `--policy '${changed}'. The copies in the vault of the stage can be restored without this: pnpm ops backup list --stage ${settings.stage}`,
  );
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
