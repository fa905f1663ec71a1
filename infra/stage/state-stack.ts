import { STACK_OUTPUTS, stageNames } from "@dbward-aws/contract";
import { type AccountFacts, NETWORK_OUTPUT, NEW_KEY, networkRecord } from "@dbward-aws/settings";
import { CfnOutput, Duration } from "aws-cdk-lib";
import * as backup from "aws-cdk-lib/aws-backup";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { TokenSecrets } from "../capture/token-secrets.ts";
import { AccessLogBucket } from "../state/access-log-bucket.ts";
import { NewBackupVault, VaultLock } from "../state/backup-vault.ts";
import { ExistingFileSystem } from "../state/existing-file-system.ts";
import { NewFileSystem } from "../state/new-file-system.ts";
import { ResultBucket } from "../state/result-bucket.ts";
import { ResultStorage } from "../state/result-storage.ts";
import { ServerBackup } from "../state/server-backup.ts";
import type { ServerFileSystem } from "../state/server-file-system.ts";
import { StageKey } from "../state/stage-key.ts";
import { TaskRole } from "../task/task-role.ts";
import { DbwardStack, type DbwardStackProps } from "./dbward-stack.ts";
import { keysOf } from "./key-of.ts";
import { importKey } from "./named-secret.ts";
import { type StageNetwork, stageNetwork } from "./stage-network.ts";

/** What lives longest: the network, the server's state, the results, and the secrets. */
export class StateStack extends DbwardStack {
  readonly network: StageNetwork;
  readonly fileSystem: ServerFileSystem;
  /** Copies of the file system. */
  readonly backup: ServerBackup;
  /** Customer managed key of what the stage creates, with `encryption.kmsKey`. */
  readonly encryptionKey?: kms.IKey;
  /** Only with `storage.backend: "s3"`. */
  readonly storage?: ResultStorage;
  /** Only with a load balancer. */
  readonly accessLogs?: s3.IBucket;
  readonly secrets: TokenSecrets;
  /** Role of the server's task. It is here because it may mount the file system. */
  readonly serverTaskRole: iam.Role;
  /** Role of the task that captures tokens, with `capture.method: "task"`; it may read the file system. */
  readonly captureTaskRole?: iam.Role;

  constructor(scope: Construct, props: DbwardStackProps) {
    super(scope, "State", props, "network, file system, results, secrets");
    const { settings } = props;

    const key = this.#encryptionKey();
    if (key !== undefined) this.encryptionKey = key;
    this.network = stageNetwork(this, "Network", settings, props.facts, key);
    this.serverTaskRole = new TaskRole(this, "ServerTaskRole", {
      description: `dbward server of stage ${settings.stage}`,
    });
    if (settings.capture.method === "task")
      this.captureTaskRole = new TaskRole(this, "CaptureTaskRole", {
        description: `Capture of dbward's tokens in stage ${settings.stage}`,
      });
    this.fileSystem = this.#fileSystem();
    this.backup = this.#backup();
    if (settings.storage.backend === "s3") {
      this.storage = ResultStorage.bucket(this.#resultBucket(props.facts));
      new CfnOutput(this, STACK_OUTPUTS.resultBucket, {
        value: this.storage.bucket.bucketName,
        description: "Bucket of the results; kept when the stack is deleted",
      });
    }
    if (settings.server.loadBalancer !== undefined)
      this.accessLogs = new AccessLogBucket(this, "AccessLogs").bucket;
    this.secrets = new TokenSecrets(this, "Secrets", {
      stage: settings.stage,
      agents: settings.agents,
      ...this.#withKey(),
    });

    new CfnOutput(this, NETWORK_OUTPUT, {
      value: networkRecord(settings, props.facts),
      description: "Network of this deployment; the next one is compared with it",
    });
    new CfnOutput(this, "FileSystemId", {
      value: this.fileSystem.fileSystemId,
      description: "File system of the server's state; kept when the stack is deleted",
    });
    new CfnOutput(this, STACK_OUTPUTS.backupVault, {
      value: this.backup.vault.backupVaultName,
      description: "Vault of the file system's copies; kept when the stack is deleted",
    });
    new CfnOutput(this, STACK_OUTPUTS.backupRole, {
      value: this.backup.role.roleArn,
      description: "Role as which AWS Backup copies and restores the file system",
    });
  }

  #encryptionKey(): kms.IKey | undefined {
    const { stage, encryption } = this.settings;
    if (encryption.kmsKey === undefined) return undefined;
    return encryption.kmsKey === NEW_KEY
      ? new StageKey(this, "Key", { stage })
      : kms.Key.fromKeyArn(this, "Key", encryption.kmsKey);
  }

  #withKey(): { readonly encryptionKey?: kms.IKey } {
    return this.encryptionKey === undefined ? {} : { encryptionKey: this.encryptionKey };
  }

  #fileSystem(): ServerFileSystem {
    const { state } = this.settings;
    const common = { vpc: this.network.vpc, vpcSubnets: this.network.internalSubnets };
    if (state === undefined)
      return new NewFileSystem(this, "FileSystem", {
        ...common,
        // Those of EFS beside those of the plan would be paid for as well.
        backups: false,
        ...this.#withKey(),
      });
    const { fileSystemId, accessPointId, path, securityGroupId } = state;
    return new ExistingFileSystem(this, "FileSystem", {
      ...common,
      fileSystemId,
      ...(accessPointId === undefined ? {} : { accessPointId }),
      ...(path === undefined ? {} : { path }),
      ...(securityGroupId === undefined
        ? {}
        : {
            mountTargetSecurityGroup: ec2.SecurityGroup.fromSecurityGroupId(
              this,
              "MountTargetSecurityGroup",
              securityGroupId,
            ),
          }),
    });
  }

  #backup(): ServerBackup {
    const { stage, backup: settings } = this.settings;
    const { vaultName, daily, startHour } = settings;
    const names = stageNames(stage);
    const keepFor = Duration.days(settings.keepDays);
    const lock = this.#vaultLock(keepFor);
    const vault =
      vaultName === undefined
        ? new NewBackupVault(this, "BackupVault", {
            name: names.backupVaultPrefix,
            ...(lock && { lock }),
            ...this.#withKey(),
          })
        : backup.BackupVault.fromBackupVaultName(this, "BackupVault", vaultName);
    return new ServerBackup(this, "Backup", {
      fileSystem: this.fileSystem,
      vault,
      planName: names.backupPlan,
      daily,
      startHour,
      keepFor,
      ...this.#withKey(),
    });
  }

  #vaultLock(keepFor: Duration): VaultLock | undefined {
    const { lock } = this.settings.backup;
    if (lock === undefined) return undefined;
    const { mode, minDays, maxDays, changeableForDays } = lock;
    const retention = {
      min: minDays === undefined ? keepFor : Duration.days(minDays),
      ...(maxDays !== undefined && { max: Duration.days(maxDays) }),
    };
    return mode === "compliance"
      ? VaultLock.complianceThatCanNeverBeUndone(retention, Duration.days(changeableForDays!))
      : VaultLock.governance(retention);
  }

  #resultBucket(facts: AccountFacts | undefined): s3.IBucket {
    const { storage } = this.settings;
    if (storage.bucketName === undefined)
      return new ResultBucket(this, "Results", {
        retentionDays: storage.retentionDays,
        versioning: storage.versioning,
        ...this.#withKey(),
      }).bucket;
    const encryptionKey = importKey(
      new Construct(this, "ResultsKey"),
      keysOf(this.settings, facts)(storage.bucketName),
    );
    return s3.Bucket.fromBucketAttributes(this, "Results", {
      bucketName: storage.bucketName,
      ...(encryptionKey && { encryptionKey }),
    });
  }
}
