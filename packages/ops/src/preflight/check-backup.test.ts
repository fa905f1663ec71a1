import type { StageInput } from "@dbward-aws/settings";
import { createAwsClients, type LiveStack } from "@dbward-aws/stage";
import { describe, expect, it } from "vitest";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { stageSettings, withAws } from "../test-support/ops-run.ts";
import { checkBackup } from "./check-backup.ts";
import { PreflightFindings } from "./findings.ts";

const ARN =
  "arn:aws:cloudformation:eu-central-1:123456789012:stack/prod-dbward-State/0a1b2c3d-0000-4000-8000-000000000001";
const KEPT = "dbward-prod-0a1b2c3d";

/** @param vault the vault that the deployed State stack has; `null` for a stack without one */
function stateStack(vault: string | null): LiveStack {
  return {
    id: "State",
    name: "prod-dbward-State",
    status: "UPDATE_COMPLETE",
    arn: ARN,
    isProtected: true,
    outputs: new Map(),
    resources:
      vault === null
        ? []
        : [
            {
              LogicalResourceId: "BackupVault",
              PhysicalResourceId: vault,
              ResourceType: "AWS::Backup::BackupVault",
              ResourceStatus: "CREATE_COMPLETE",
              LastUpdatedTimestamp: new Date(0),
            },
          ],
  };
}

async function check(backup: StageInput["backup"], answers: Answers, stacks: readonly LiveStack[] = []) {
  await withAws({
    ListBackupVaults: () => ({ BackupVaultList: [] }),
    DescribeRegionSettings: () => ({ ResourceTypeOptInPreference: { EFS: true } }),
    ...answers,
  });
  const findings = new PreflightFindings();
  await checkBackup({
    settings: stageSettings({ backup }),
    stacks,
    clients: createAwsClients("eu-central-1"),
    region: "eu-central-1",
    findings,
  });
  return { mistakes: findings.mistakes, warnings: findings.warnings };
}

const vaults = (...BackupVaultList: object[]): Answers => ({ ListBackupVaults: () => ({ BackupVaultList }) });

describe("the backup vault", () => {
  it("of the stage is created, and the check passes", async () => {
    const nothing = { mistakes: [], warnings: [] };
    expect(await check({}, {})).toEqual(nothing);
    expect(await check({}, vaults({ BackupVaultName: KEPT }), [stateStack(KEPT)])).toEqual(nothing);
    expect(await check({}, vaults({ BackupVaultName: "dbward-prod-99999999" }), [stateStack(null)])).toEqual(
      nothing,
    );
  });

  it("that exists takes copies that are kept as long as the settings say", async () => {
    const locked = vaults({ BackupVaultName: "acme", MinRetentionDays: 30, MaxRetentionDays: 60 });
    expect((await check({ vaultName: "acme" }, locked)).mistakes).toEqual([]);
    expect((await check({ vaultName: "acme", keepDays: 29 }, locked)).mistakes).toEqual([
      "Backup vault acme (backup.vaultName) is locked for copies that are kept for 30 days or more, and backup.keepDays is 29",
    ]);
    expect((await check({ vaultName: "acme", keepDays: 61 }, locked)).mistakes).toEqual([
      expect.stringMatching(/for 60 days or less, and backup\.keepDays is 61/),
    ]);
  });

  it("that is named has to be there", async () => {
    expect((await check({ vaultName: "acme" }, {})).mistakes).toEqual([
      expect.stringMatching(
        /^Backup vault acme \(backup\.vaultName\) isn't in this account in eu-central-1\. .*create-backup-vault/,
      ),
    ]);
  });

  it("that the stage has kept is named, before CloudFormation fails to create one of its name", async () => {
    const answer = vaults({ BackupVaultName: KEPT }, { BackupVaultName: "other" });
    expect((await check({}, answer, [stateStack(null)])).mistakes).toEqual([
      expect.stringMatching(
        /has kept the backup vault dbward-prod-0a1b2c3d, .*backup\.vaultName: "dbward-prod-0a1b2c3d"/,
      ),
    ]);
  });
});

describe("AWS Backup in the region", () => {
  const off: Answers = { DescribeRegionSettings: () => ({ ResourceTypeOptInPreference: { EFS: false } }) };

  it("is warned of when it is switched off for EFS, with the command that switches it on", async () => {
    expect((await check({}, off)).warnings).toEqual([
      expect.stringMatching(/switched off for EFS in eu-central-1.*update-region-settings .*EFS=true/),
    ]);
    expect((await check({ daily: false }, off)).warnings).toEqual([]);
  });

  it("is not checked where that is not allowed, and a warning names the permission", async () => {
    const denied = () => {
      throw new AwsFault("AccessDeniedException", "not authorized");
    };
    const { warnings } = await check(
      { vaultName: "acme" },
      { ListBackupVaults: denied, DescribeRegionSettings: denied },
    );
    expect([...warnings].sort()).toEqual([
      expect.stringMatching(/^The backup vault was not checked: .*backup:ListBackupVaults/),
      expect.stringMatching(/^Whether AWS Backup copies .*backup:DescribeRegionSettings/),
    ]);
  });
});
