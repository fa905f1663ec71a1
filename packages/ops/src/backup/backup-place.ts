import { GetRoleCommand } from "@aws-sdk/client-iam";
import { STACK_OUTPUTS } from "@dbward-aws/contract";
import { backupVaults, findStack, ifThere } from "@dbward-aws/stage";
import type { CommandContext } from "../command.ts";
import { BackupError } from "./backup-error.ts";

/** The vault in which AWS Backup keeps the automatic backups of file systems. */
const AUTOMATIC_VAULT = "aws/efs/automatic-backup-vault";
/** The role that AWS Backup's console creates with the first backup on demand. */
const DEFAULT_ROLE = "AWSBackupDefaultServiceRole";

/** Where the copies of a stage go, and as whom AWS Backup makes them. */
export interface BackupPlace {
  /** Name of the vault. */
  readonly vault: string;
  /** ARN of the stage's role. @default - the stage was deployed without one */
  readonly roleArn?: string;
}

/** The deployed place of a stage's copies; without one that of EFS's automatic backups. */
export async function backupPlace({ clients, names }: CommandContext): Promise<BackupPlace> {
  const stack = await findStack(clients, names.stack("State"));
  const output = (key: string) =>
    stack?.Outputs?.find(({ OutputKey }) => OutputKey === key)?.OutputValue || undefined;
  const roleArn = output(STACK_OUTPUTS.backupRole);
  return { vault: output(STACK_OUTPUTS.backupVault) ?? AUTOMATIC_VAULT, ...(roleArn && { roleArn }) };
}

/**
 * ARN of the role with which AWS Backup copies and restores: that of the stage, or else the account's own.
 *
 * @throws BackupError when there is none
 */
export async function backupRole(context: CommandContext, otherwise?: string): Promise<string> {
  const { roleArn } = await backupPlace(context);
  if (roleArn) return roleArn;
  const role = await ifThere(
    `Looking up role ${DEFAULT_ROLE}`,
    context.clients.iam.send(new GetRoleCommand({ RoleName: DEFAULT_ROLE })),
    "NoSuchEntityException",
  );
  if (role?.Role?.Arn) return role.Role.Arn;
  throw new BackupError(
    `Neither the stage nor the account has a role as which AWS Backup works: there is no ${DEFAULT_ROLE}.`,
    ["Deploy the stage, which creates one.", otherwise].filter(Boolean).join(" "),
  );
}

/**
 * Sees that a vault takes a copy that is kept for some days: a job that its lock refuses would fail.
 *
 * @throws BackupError when the vault doesn't exist, or its lock has other bounds
 */
export async function checkKeepDays(
  { clients, region }: CommandContext,
  name: string,
  keepDays: number,
): Promise<void> {
  const vault = (await backupVaults(clients)).find(({ BackupVaultName }) => BackupVaultName === name);
  if (!vault)
    throw new BackupError(
      `The account has no backup vault ${name} in this region.`,
      `Create it first: aws backup create-backup-vault --backup-vault-name ${name} --region ${region}`,
    );
  const { MinRetentionDays: min = 0, MaxRetentionDays: max = Number.POSITIVE_INFINITY } = vault;
  if (keepDays < min || keepDays > max)
    throw new BackupError(
      `The lock of vault ${name} refuses a copy that is kept for ${keepDays} days.`,
      `Choose --keep-days from ${Math.max(min, 1)}${Number.isFinite(max) ? ` to ${max}` : ""}.`,
    );
}
