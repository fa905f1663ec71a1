import { describe, expect, it } from "vitest";
import type { Answers } from "../test-support/aws-peer.ts";
import { ops, withAws } from "../test-support/ops-run.ts";
import { BACKUP_ROLE, RestorableStage, VAULT } from "../test-support/restorable-stage.ts";

const ID = "fs-0123456789abcdef0";
const STACK = "arn:aws:cloudformation:eu-central-1:123456789012:stack/prod-dbward-State/1";
const POINT = "arn:aws:backup:eu-central-1:123456789012:recovery-point:0a1b2c3d-0000-4000-8000-000000000001";

const DEPLOYED: Answers = {
  DescribeStacks: ({ StackName }) => ({
    Stacks: [
      {
        StackName,
        StackId: STACK,
        StackStatus: "UPDATE_COMPLETE",
        CreationTime: "2026-01-01T00:00:00Z",
        Outputs: [
          { OutputKey: "FileSystemId", OutputValue: ID },
          { OutputKey: "BackupVaultName", OutputValue: VAULT },
          { OutputKey: "BackupRoleArn", OutputValue: BACKUP_ROLE },
        ],
      },
    ],
  }),
  DescribeFileSystems: () => ({ FileSystems: [] }),
  ListBackupVaults: () => ({
    BackupVaultList: [
      { BackupVaultName: VAULT, MinRetentionDays: 7, MaxRetentionDays: 90 },
      { BackupVaultName: "yearly" },
    ],
  }),
  ListBackupJobs: () => ({ BackupJobs: [] }),
  StartBackupJob: () => ({ BackupJobId: "job-1" }),
  DescribeBackupJob: () => ({ State: "COMPLETED", RecoveryPointArn: POINT, BackupVaultName: "yearly" }),
  DescribeRecoveryPoint: () => ({ Status: "COMPLETED" }),
  ListRecoveryPointsByResource: ({ ResourceArn }) => ({
    RecoveryPoints: [1, 2].map((day) => ({
      RecoveryPointArn: `${POINT}${day}`,
      BackupVaultName: "aws/efs/automatic-backup-vault",
      Status: "COMPLETED",
      CreationDate: Date.UTC(2026, 0, day) / 1000,
      BackupSizeBytes: 3 * 2 ** 20,
      ResourceName: ResourceArn,
    })),
  }),
};

describe("ops backup", () => {
  it("shows what it will do, and does nothing with --dry-run", async () => {
    const { calls } = await withAws(DEPLOYED);
    const { code, out } = await ops("backup --dry-run");
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(
        new RegExp(
          `^Back up stage prod:\n  1\\. Copy file system ${ID} to vault ${VAULT}, to be kept for 35 days`,
        ),
      ),
    ]);
    expect(calls).not.toContain("StartBackupJob");
  });

  it("makes a recovery point in the vault and for the days that are named", async () => {
    let started: unknown;
    await withAws({
      ...DEPLOYED,
      StartBackupJob: (input) => {
        started = input;
        return { BackupJobId: "job-1" };
      },
    });
    const { code, out } = await ops("backup --vault yearly --keep-days 365 --yes --json");
    expect([code, JSON.parse(out)]).toMatchObject([
      0,
      { status: "done", recoveryPoint: POINT, fileSystem: ID },
    ]);
    expect(started).toMatchObject({
      BackupVaultName: "yearly",
      ResourceArn: `arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/${ID}`,
      Lifecycle: { DeleteAfterDays: 365 },
    });
  });

  it.each([
    ["--keep-days 6", /refuses a copy that is kept for 6 days.*--keep-days from 7 to 90/s],
    ["--keep-days 91", /refuses a copy that is kept for 91 days/],
    ["--vault gone", /has no backup vault gone.*create-backup-vault --backup-vault-name gone/s],
  ])("refuses %s before the server is stopped", async (words, expected) => {
    const { calls } = await withAws(DEPLOYED);
    expect(await ops(`backup --stop --yes ${words}`)).toMatchObject({
      code: 1,
      err: expect.stringMatching(expected),
    });
    expect(calls.filter((call) => /^(Update|Start)/.test(call))).toEqual([]);
  });

  it("is run again after a cut, and then waits for the job that is under way", async () => {
    const { calls } = await withAws({
      ...DEPLOYED,
      ListBackupJobs: () => ({ BackupJobs: [{ BackupJobId: "job-7", State: "RUNNING" }] }),
    });
    const { code, out } = await ops("backup --yes");
    expect([code, out]).toEqual([0, expect.stringContaining("1. Wait for backup job job-7")]);
    expect(calls).not.toContain("StartBackupJob");
  });

  it("refuses days that AWS Backup doesn't know, and a stage that is not deployed", async () => {
    await withAws({ ...DEPLOYED, DescribeStacks: () => ({ Stacks: [] }) });
    expect(await ops("backup --keep-days 0 --yes")).toMatchObject({ code: 2 });
    expect(await ops("backup --yes")).toMatchObject({
      code: 1,
      err: expect.stringContaining("has no file system"),
    });
  });
});

describe("ops backup --stop", () => {
  it("stops the server meanwhile, and starts a backup of its own after one that is under way", {
    timeout: 120_000,
  }, async () => {
    const stage = new RestorableStage();
    stage.backupJobs = [{ BackupJobId: "job-0", State: "RUNNING" }];
    const { code, out } = await stage.run("backup --stop --yes");
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/1\. Stop.*2\. Wait.*job-0.*3\. Copy.*5\. Start/s),
    ]);
    expect([stage.writersAtBackups, stage.writers]).toEqual([[0], 1]);
  });

  it("is run again after a cut at any step, and the server runs afterwards", {
    timeout: 20 * 60_000,
  }, async () => {
    let cuts = 0;
    for (let events = 0; ; events++) {
      const stage = new RestorableStage();
      if ((await stage.run("backup --stop --yes", events)).code === 0) break;
      cuts++;
      expect((await stage.run("backup --stop --yes")).code).toBe(0);
      expect([stage.writers, stage.mostWriters, new Set(stage.writersAtBackups)]).toEqual([
        1,
        1,
        new Set([0]),
      ]);
    }
    expect(cuts).toBe(6);
  });
});

describe("ops backup list", () => {
  it("lists recovery points, newest first", async () => {
    await withAws(DEPLOYED);
    const { code, out } = await ops("backup list");
    expect(code).toBe(0);
    expect(out).toMatch(
      /^RECOVERY POINT .*\n.*00012 +2026-01-02T.* COMPLETED +3\.0 MiB +fs-.*\n.*00011 +2026-01-01/,
    );
    const { out: json } = await ops("backup list --json");
    expect(JSON.parse(json)).toMatchObject({ stage: "prod", recoveryPoints: [{ fileSystem: ID }, {}] });
  });

  it("says how to make the first one", async () => {
    await withAws({ ...DEPLOYED, ListRecoveryPointsByResource: () => ({ RecoveryPoints: [] }) });
    expect(await ops("backup list")).toMatchObject({
      code: 0,
      out: "Stage prod has no backups. To make one: pnpm ops backup --stage prod",
    });
  });
});
