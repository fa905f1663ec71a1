import { DeleteBackupVaultCommand } from "@aws-sdk/client-backup";
import { DeleteLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  DeleteFileSystemCommand,
  DeleteMountTargetCommand,
  DescribeMountTargetsCommand,
} from "@aws-sdk/client-efs";
import { ScheduleKeyDeletionCommand } from "@aws-sdk/client-kms";
import { DeleteBucketCommand, DeleteObjectsCommand, ListObjectVersionsCommand } from "@aws-sdk/client-s3";
import { DeleteSecretCommand } from "@aws-sdk/client-secrets-manager";
import { DeleteParameterCommand } from "@aws-sdk/client-ssm";
import { Deadline } from "@dbward-aws/core";
import { type AwsClients, ifThere } from "@dbward-aws/stage";

/** A resource that a removed stage left. */
export interface Remains {
  /** CloudFormation type. */
  readonly type: string;
  /** Physical id. */
  readonly id: string;
}

const KEY_WINDOW_DAYS = 30;
/** The mount targets of a file system take about a minute to go. */
const MOUNT_TARGET_MS = 300_000;
const ASK_EVERY_MS = 2_000;

/** Deletes resources of a type. Resources that are gone already are passed over. */
type Deletion = (id: string, clients: AwsClients, signal: AbortSignal) => Promise<void>;

const DELETIONS: Readonly<Record<string, Deletion>> = {
  "AWS::EFS::FileSystem": deleteFileSystem,
  "AWS::S3::Bucket": deleteBucket,
  "AWS::Logs::LogGroup": async (logGroupName, { logs }) => {
    await ifThere(
      `Deleting log group ${logGroupName}`,
      logs.send(new DeleteLogGroupCommand({ logGroupName })),
      "ResourceNotFoundException",
    );
  },
  "AWS::SecretsManager::Secret": async (SecretId, { secrets }) => {
    await ifThere(
      `Deleting secret ${SecretId}`,
      secrets.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true })),
      "ResourceNotFoundException",
    );
  },
  "AWS::SSM::Parameter": async (Name, { ssm }) => {
    await ifThere(
      `Deleting parameter ${Name}`,
      ssm.send(new DeleteParameterCommand({ Name })),
      "ParameterNotFound",
    );
  },
  "AWS::Backup::BackupVault": async (BackupVaultName, { backup }) => {
    await ifThere(
      `Deleting backup vault ${BackupVaultName}`,
      backup.send(new DeleteBackupVaultCommand({ BackupVaultName })),
      "ResourceNotFoundException",
    );
  },
  // Last: what is encrypted with it can't be read once it is gone.
  "AWS::KMS::Key": async (KeyId, { kms }) => {
    await ifThere(
      `Scheduling the deletion of key ${KeyId}`,
      kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: KEY_WINDOW_DAYS })),
      "NotFoundException",
      "KMSInvalidStateException",
    );
  },
};

/** Whether {@link purge} deletes resources of a type. */
export function isPurged({ type }: Remains): boolean {
  return type in DELETIONS;
}

/** In the order in which they are deleted. */
export function purgeOrder<T extends Remains>(remains: readonly T[]): T[] {
  const order = Object.keys(DELETIONS);
  return remains.filter(isPurged).sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type));
}

/** Deletes a resource with its data. Does nothing when it is gone already. @throws AwsCallError */
export async function purge({ type, id }: Remains, clients: AwsClients, signal: AbortSignal): Promise<void> {
  await DELETIONS[type]?.(id, clients, signal);
}

async function deleteFileSystem(id: string, { efs }: AwsClients, signal: AbortSignal): Promise<void> {
  const gone = "FileSystemNotFound";
  const targets = async () =>
    (
      await ifThere(
        `Listing the mount targets of ${id}`,
        efs.send(new DescribeMountTargetsCommand({ FileSystemId: id })),
        gone,
      )
    )?.MountTargets ?? [];
  for (const { MountTargetId } of await targets())
    await ifThere(
      `Deleting mount target ${MountTargetId}`,
      efs.send(new DeleteMountTargetCommand({ MountTargetId })),
      "MountTargetNotFound",
    );
  await Deadline.after(MOUNT_TARGET_MS, signal).until(
    async () => (await targets()).length === 0 || undefined,
    ASK_EVERY_MS,
  );
  await ifThere(
    `Deleting file system ${id}`,
    efs.send(new DeleteFileSystemCommand({ FileSystemId: id })),
    gone,
  );
}

async function deleteBucket(Bucket: string, { s3 }: AwsClients): Promise<void> {
  const gone = "NoSuchBucket";
  for (;;) {
    const page = await ifThere(
      `Listing the objects of bucket ${Bucket}`,
      s3.send(new ListObjectVersionsCommand({ Bucket })),
      gone,
    );
    const objects = [...(page?.Versions ?? []), ...(page?.DeleteMarkers ?? [])];
    if (objects.length === 0) break;
    await ifThere(
      `Emptying bucket ${Bucket}`,
      s3.send(
        new DeleteObjectsCommand({
          Bucket,
          Delete: { Objects: objects.map(({ Key, VersionId }) => ({ Key, VersionId })), Quiet: true },
        }),
      ),
      gone,
    );
  }
  await ifThere(`Deleting bucket ${Bucket}`, s3.send(new DeleteBucketCommand({ Bucket })), gone);
}
