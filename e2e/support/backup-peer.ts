import { cp } from "node:fs/promises";
import { join } from "node:path";
import { CreateFileSystemCommand, type EFSClient } from "@aws-sdk/client-efs";
import {
  type Answers,
  AwsFault,
  type AwsPeer,
  type Input,
  startAwsPeer,
} from "../../packages/ops/src/test-support/aws-peer.ts";

const ARN = "arn:aws:backup:us-east-1:000000000000:recovery-point";
const FILE_SYSTEM_ARN = "arn:aws:elasticfilesystem:us-east-1:000000000000:file-system";
const MIB = 2 ** 20;

/** A recovery point. */
interface Point {
  /** Id of the file system of which it is a copy. */
  readonly source: string;
  readonly vault: string;
  /** ARN of the role that it was made as. */
  readonly role: string;
  readonly folder: string;
  /** In seconds since the epoch. */
  readonly created: number;
}

/**
 * AWS Backup in front of an emulator that has none. Its answers have the shapes of the API reference; a
 * backup is a copy of a file system's folder, and a restore puts it where AWS Backup does: into a directory
 * with a time in its name.
 */
export class BackupPeer {
  /** Whether restore jobs stay under way. */
  isHeld = false;
  /** Names of the vaults that there are. */
  readonly vaults = new Set<string>();
  /** How often a restore job was asked for. */
  looks = 0;
  /** Restored file systems by the tokens of their jobs. */
  readonly restored = new Map<string, string>();
  readonly #points = new Map<string, Point>();
  /** Folder with a folder for each file system. */
  readonly #directory: string;
  #server: AwsPeer | undefined;
  #efs: EFSClient | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** @param directory folder with a folder for each file system */
  static async start(directory: string): Promise<BackupPeer> {
    const peer = new BackupPeer(directory);
    peer.#server = await startAwsPeer(peer.#answers);
    return peer;
  }

  get url(): string {
    return this.#server!.url;
  }

  /** Gives it the account in which it creates file systems. */
  useAccount(efs: EFSClient): void {
    this.#efs = efs;
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  readonly #answers: Answers = {
    ListBackupVaults: () => ({
      BackupVaultList: [...this.vaults].map((BackupVaultName) => ({
        BackupVaultName,
        NumberOfRecoveryPoints: this.rolesIn(BackupVaultName).length,
      })),
    }),
    DescribeRegionSettings: () => ({ ResourceTypeOptInPreference: { EFS: true } }),
    StartBackupJob: async ({ ResourceArn, BackupVaultName, IamRoleArn }) => ({
      BackupJobId: await this.copy(String(ResourceArn), String(BackupVaultName), String(IamRoleArn)),
    }),
    ListBackupJobs: () => ({ BackupJobs: [] }),
    DescribeBackupJob: ({ BackupJobId }) => ({
      BackupJobId,
      State: "COMPLETED",
      RecoveryPointArn: `${ARN}:${BackupJobId}`,
      BackupVaultName: this.#points.get(String(BackupJobId))?.vault,
    }),
    ListRecoveryPointsByResource: ({ ResourceArn }) => ({
      RecoveryPoints: [...this.#points]
        .filter(([, { source }]) => String(ResourceArn).endsWith(`/${source}`))
        .map(([id, { created, vault }]) => ({
          RecoveryPointArn: `${ARN}:${id}`,
          BackupVaultName: vault,
          Status: "COMPLETED",
          CreationDate: created,
          BackupSizeBytes: MIB,
        })),
    }),
    DescribeRecoveryPoint: ({ RecoveryPointArn }) => {
      this.#point(RecoveryPointArn);
      return { RecoveryPointArn, Status: "COMPLETED" };
    },
    GetRecoveryPointRestoreMetadata: ({ RecoveryPointArn }) => ({
      RestoreMetadata: { "file-system-id": this.#point(RecoveryPointArn).source, Encrypted: "true" },
    }),
    GetBackupVaultAccessPolicy: () => {
      throw new AwsFault("ResourceNotFoundException");
    },
    StartRestoreJob: async (input) => ({ RestoreJobId: await this.#restore(input) }),
    DescribeRestoreJob: ({ RestoreJobId }) => {
      this.looks++;
      return this.isHeld
        ? { RestoreJobId, Status: "RUNNING", PercentDone: "10.00%" }
        : {
            RestoreJobId,
            Status: "COMPLETED",
            PercentDone: "100.00%",
            CreatedResourceArn: `${FILE_SYSTEM_ARN}/${this.restored.get(String(RestoreJobId))}`,
          };
    },
  };

  #point(arn: unknown) {
    const point = this.#points.get(String(arn).split(":").at(-1)!);
    if (!point) throw new AwsFault("ResourceNotFoundException");
    return point;
  }

  /** The copies of a vault, as the roles that they were made as. */
  rolesIn(vault: string): readonly string[] {
    return [...this.#points.values()].filter((point) => point.vault === vault).map(({ role }) => role);
  }

  /**
   * Makes a recovery point, as a backup plan or a person has AWS Backup do.
   *
   * @param resource ARN of the file system
   * @returns the id of job and recovery point
   */
  async copy(resource: string, vault: string, role: string): Promise<string> {
    if (!this.vaults.has(vault)) throw new AwsFault("ResourceNotFoundException", `no vault ${vault}`);
    const source = resource.split("/").at(-1)!;
    const id = `point-${this.#points.size + 1}`;
    const folder = join(this.#directory, `../backups/${id}`);
    await cp(join(this.#directory, source), folder, { recursive: true });
    this.#points.set(id, { source, vault, role, folder, created: Date.now() / 1000 });
    return id;
  }

  /** A token starts one job, however often it is sent. */
  async #restore({ RecoveryPointArn, IdempotencyToken, IamRoleArn, Metadata }: Input): Promise<string> {
    const token = String(IdempotencyToken);
    const { folder, role } = this.#point(RecoveryPointArn);
    if (IamRoleArn !== role) throw new AwsFault("InvalidParameterValueException", "another role");
    const metadata = Metadata as Record<string, string>;
    if (metadata.newFileSystem !== "true" || metadata.Encrypted !== "true")
      throw new AwsFault("InvalidParameterValueException");
    if (this.restored.has(token)) return token;
    const { FileSystemId = "" } = await this.#efs!.send(
      new CreateFileSystemCommand({
        CreationToken: metadata.CreationToken,
        Encrypted: true,
        PerformanceMode: "generalPurpose",
      }),
    );
    this.restored.set(token, FileSystemId);
    const time = new Date().toISOString().replaceAll(/[:.]/g, "-");
    await cp(folder, join(this.#directory, FileSystemId, `aws-backup-restore_${time}`), { recursive: true });
    return token;
  }
}
