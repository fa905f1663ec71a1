import { DescribeRegionSettingsCommand } from "@aws-sdk/client-backup";
import { stageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { type AwsClients, backupVaults, during, type LiveStack, resourceIds } from "@dbward-aws/stage";
import { isDeployed } from "../leftovers/stage-stacks.ts";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

/** What the checks of the backups need to know. */
export interface BackupContext {
  readonly settings: StageSettings;
  /** The stacks of the stage that exist. */
  readonly stacks: readonly LiveStack[];
  readonly clients: AwsClients;
  readonly region: string;
  readonly findings: PreflightFindings;
}

/** The vault takes what the plan puts into it, and AWS Backup copies file systems in this region. */
export async function checkBackup(context: BackupContext): Promise<void> {
  const { settings, findings } = context;
  const isOwn = settings.backup.vaultName === undefined;
  await Promise.all([
    unlessDenied("The backup vault", "backup:ListBackupVaults", findings, () =>
      isOwn ? refuseBesideKept(context) : checkVault(context),
    ),
    ...(settings.backup.daily
      ? [
          unlessDenied(
            "Whether AWS Backup copies file systems in this region",
            "backup:DescribeRegionSettings",
            findings,
            () => checkRegion(context),
          ),
        ]
      : []),
  ]);
}

/** The lock of a vault refuses jobs, not plans: without this check every copy would fail. */
async function checkVault({ settings, clients, region, findings }: BackupContext): Promise<void> {
  const { vaultName, keepDays } = settings.backup;
  const vault = (await backupVaults(clients)).find(({ BackupVaultName }) => BackupVaultName === vaultName);
  const name = `Backup vault ${vaultName} (backup.vaultName)`;
  if (!vault) {
    findings.refuse(
      `${name} isn't in this account in ${region}. Create it: aws backup create-backup-vault --backup-vault-name ${vaultName} ` +
        `--region ${region}. Or leave vaultName out, and the stage gets a vault of its own`,
    );
    return;
  }
  const { MinRetentionDays: min = 0, MaxRetentionDays: max = Number.POSITIVE_INFINITY } = vault;
  if (keepDays < min)
    findings.refuse(
      `${name} is locked for copies that are kept for ${min} days or more, and backup.keepDays is ${keepDays}`,
    );
  if (keepDays > max)
    findings.refuse(
      `${name} is locked for copies that are kept for ${max} days or less, and backup.keepDays is ${keepDays}`,
    );
}

/** A vault that the stack has kept has the name that the stack would give to a new one. */
async function refuseBesideKept({ settings, stacks, clients, findings }: BackupContext): Promise<void> {
  const names = stageNames(settings.stage);
  const stack = stacks.find((each) => each.name === names.stack("State") && isDeployed(each));
  if (!stack || resourceIds(stack, "AWS::Backup::BackupVault").length > 0) return;
  const [ofStack] = stack.arn.split("/").at(-1)!.split("-");
  for (const { BackupVaultName: vault = "" } of await backupVaults(clients))
    if (vault.startsWith(`${names.backupVaultPrefix}-${ofStack}`))
      findings.refuse(
        `An earlier deployment of the stage has kept the backup vault ${vault}, and a new one can't have the same name. Write backup.vaultName: "${vault}"`,
      );
}

/** What is switched off may still be copied where a plan names the file system; AWS doesn't promise it. */
async function checkRegion({ clients, region, findings }: BackupContext): Promise<void> {
  const { ResourceTypeOptInPreference: optedIn = {} } = await during(
    "Reading the settings of AWS Backup in this region",
    clients.backup.send(new DescribeRegionSettingsCommand({})),
  );
  if (optedIn.EFS === false)
    findings.warn(
      `AWS Backup is switched off for EFS in ${region}, so the daily copies may not be made. Run: ` +
        `aws backup update-region-settings --resource-type-opt-in-preference EFS=true --region ${region}`,
    );
}
