import { ArnFormat, Duration, Stack } from "aws-cdk-lib";
import * as backup from "aws-cdk-lib/aws-backup";
import * as events from "aws-cdk-lib/aws-events";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";
import { PropProblems } from "../prop-problems.ts";
import { ExistingFileSystem } from "./existing-file-system.ts";
import type { ServerFileSystem } from "./server-file-system.ts";

export interface ServerBackupProps {
  readonly fileSystem: ServerFileSystem;
  /** Where the copies go. */
  readonly vault: backup.IBackupVault;
  /** Name of the plan, for the people who meet it in AWS Backup. */
  readonly planName: string;
  /** Whether a copy is made once a day. @default true */
  readonly daily?: boolean;
  /**
   * Hour in UTC, 0 to 23, in which the daily copy begins. What the server writes while it is made may be torn.
   * @default 3
   */
  readonly startHour?: number;
  /** After how long a daily copy is deleted; whole days. @default Duration.days(35) */
  readonly keepFor?: Duration;
  /**
   * Customer managed key of the file system or the vault.
   * @default - keys of AWS, and for a file system that exists already any key of the account, by way of EFS
   */
  readonly encryptionKey?: kms.IKey;
}

/**
 * Copies of the server's file system by AWS Backup: a role that copies and restores this one file system, and
 * a plan for a copy a day.
 *
 * A copy is made file by file while the server goes on writing, so it may be torn; `pnpm ops backup --stop`
 * makes an exact one.
 */
export class ServerBackup extends Construct {
  readonly vault: backup.IBackupVault;
  /** As which AWS Backup copies and restores. */
  readonly role: iam.Role;
  /** With daily copies. */
  readonly plan?: backup.BackupPlan;

  constructor(scope: Construct, id: string, props: ServerBackupProps) {
    super(scope, id);
    const { fileSystem, vault, planName, startHour = 3, keepFor = Duration.days(35) } = props;
    const problems = new PropProblems(this);
    problems.expect(
      Number.isInteger(startHour) && startHour >= 0 && startHour <= 23,
      "startHour",
      `must be 0 to 23, not ${startHour}`,
    );
    problems.expect(keepFor.toDays({ integral: false }) >= 1, "keepFor", "must be one day or more");
    problems.throwIfAny();
    this.vault = vault;
    this.role = this.#createRole(fileSystem, props.encryptionKey);
    if (props.daily === false) return;
    this.plan = new backup.BackupPlan(this, "Plan", {
      backupPlanName: planName,
      backupVault: vault,
      backupPlanRules: [
        new backup.BackupPlanRule({
          ruleName: "daily",
          scheduleExpression: events.Schedule.cron({ hour: String(startHour), minute: "0" }),
          // The least that AWS Backup takes: the copy begins in the hour that was chosen.
          startWindow: Duration.hours(1),
          // Before the next one is due.
          completionWindow: Duration.hours(20),
          deleteAfter: keepFor,
        }),
      ],
    });
    this.plan.addSelection("FileSystem", {
      backupSelectionName: "file-system",
      resources: [backup.BackupResource.fromArn(fileSystem.fileSystemArn)],
      role: this.role,
      disableDefaultBackupPolicy: true,
    });
  }

  /**
   * What AWS lists for EFS (https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html,
   * customer managed policies), without `DeleteFileSystem`, which only tidies up after a failed restore, and
   * could delete the state itself. AWS's own managed policies also copy, restore and delete databases, volumes
   * and instances of the whole account.
   */
  #createRole(fileSystem: ServerFileSystem, key: kms.IKey | undefined): iam.Role {
    const role = new iam.Role(this, "Role", {
      description: "AWS Backup, for the file system of the dbward server",
      assumedBy: new iam.ServicePrincipal("backup.amazonaws.com"),
    });
    const anyOf = (service: string, resource: string) =>
      Stack.of(this).formatArn({
        service,
        resource,
        resourceName: "*",
        arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
      });
    const add = (
      sid: string,
      actions: string[],
      resources: string[],
      conditions: Record<string, Record<string, string>> = {},
    ) => role.addToPolicy(new iam.PolicyStatement({ sid, actions, resources, conditions }));

    add(
      "CopyState",
      ["elasticfilesystem:Backup", "elasticfilesystem:DescribeTags"],
      [fileSystem.fileSystemArn],
    );
    add("FindTagged", ["tag:GetResources"], ["*"]);
    add(
      "RestoreState",
      [
        "elasticfilesystem:CreateFileSystem",
        "elasticfilesystem:DescribeFileSystems",
        "elasticfilesystem:Restore",
        "elasticfilesystem:TagResource",
      ],
      [anyOf("elasticfilesystem", "file-system")],
    );
    acceptFindings(role, [
      {
        id: "AwsSolutions-IAM5",
        reason:
          "tag:GetResources knows no resource, the file system that a restore creates has no id before, and the key of an existing one is known to EFS alone.",
      },
    ]);
    // Without a customer managed key the policies of AWS's own keys let every role of the account use them.
    if (key === undefined && !(fileSystem instanceof ExistingFileSystem)) return role;
    const keys = [key?.keyArn ?? anyOf("kms", "key")];
    add(
      "UseKey",
      [
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
      ],
      keys,
      key === undefined
        ? { StringLike: { "kms:ViaService": `elasticfilesystem.${Stack.of(this).region}.amazonaws.*` } }
        : {},
    );
    add("GrantKey", ["kms:CreateGrant"], keys, { Bool: { "kms:GrantIsForAWSResource": "true" } });
    return role;
  }
}
