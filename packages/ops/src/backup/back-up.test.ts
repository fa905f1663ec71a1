import { createAwsClients } from "@dbward-aws/stage";
import { describe, expect, it } from "vitest";
import type { CommandContext } from "../command.ts";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { withAws } from "../test-support/ops-run.ts";
import { backUp, hasBackups } from "./back-up.ts";

const ID = "fs-0123456789abcdef0";
const FILE_SYSTEM = {
  id: ID,
  arn: `arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/${ID}`,
};
const ROLE_ARN = "arn:aws:iam::123456789012:role/service-role/AWSBackupDefaultServiceRole";
const RECOVERY_POINT = "arn:aws:backup:eu-central-1:123456789012:recovery-point:1";
const GetRole = () => ({ Role: { Arn: ROLE_ARN } });
/** Only what every backup asks. */
const QUIET: Answers = {
  GetRole,
  ListBackupJobs: () => ({ BackupJobs: [{ BackupJobId: "job-0", State: "COMPLETED" }] }),
  DescribeRecoveryPoint: () => ({ Status: "COMPLETED" }),
};

const steps: string[] = [];
const progress = {
  step: (message: string) => void steps.push(message),
  note: () => {},
  done: () => {},
  stop: () => {},
};

async function context(answers: Answers): Promise<CommandContext> {
  await withAws({ ...QUIET, ...answers });
  const { signal } = new AbortController();
  return { clients: createAwsClients("eu-central-1"), signal } as unknown as CommandContext;
}

describe("backUp", () => {
  it("makes a recovery point in the vault of the automatic backups, and waits for it", {
    timeout: 120_000,
  }, async () => {
    const states = [
      { State: "RUNNING", PercentDone: "40.2" },
      { State: "COMPLETED", RecoveryPointArn: RECOVERY_POINT },
    ];
    let started: unknown;
    const answers: Answers = {
      StartBackupJob: (input) => {
        started = input;
        return { BackupJobId: "job-1" };
      },
      DescribeBackupJob: ({ BackupJobId }) => ({ BackupJobId, ...states.shift() }),
    };
    expect(await backUp(await context(answers), FILE_SYSTEM, progress)).toBe(RECOVERY_POINT);
    expect(started).toMatchObject({
      BackupVaultName: "aws/efs/automatic-backup-vault",
      ResourceArn: FILE_SYSTEM.arn,
      IamRoleArn: ROLE_ARN,
      Lifecycle: { DeleteAfterDays: 35 },
    });
    expect(steps).toContain("Backing up the server's file system: 40 %");
  });

  it("waits for a job that is under way instead of starting another", async () => {
    const answers: Answers = {
      ListBackupJobs: ({ resourceArn }) => {
        expect(resourceArn).toBe(FILE_SYSTEM.arn);
        return { BackupJobs: [{ BackupJobId: "job-2", State: "RUNNING" }] };
      },
      DescribeBackupJob: ({ BackupJobId }) => ({
        BackupJobId,
        State: "COMPLETED",
        RecoveryPointArn: `${RECOVERY_POINT}-of-${BackupJobId}`,
      }),
    };
    expect(await backUp(await context(answers), FILE_SYSTEM, progress)).toBe(`${RECOVERY_POINT}-of-job-2`);
  });

  it.each<[string, Answers, string]>([
    [
      "without the role of AWS Backup",
      {
        GetRole: () => {
          throw new AwsFault("NoSuchEntity");
        },
      },
      "has no role AWSBackupDefaultServiceRole",
    ],
    [
      "when the job fails",
      {
        StartBackupJob: () => ({ BackupJobId: "job-1" }),
        DescribeBackupJob: () => ({ State: "FAILED", StatusMessage: "Access denied" }),
      },
      "FAILED: Access denied",
    ],
    [
      "when the recovery point is not complete",
      {
        StartBackupJob: () => ({ BackupJobId: "job-1" }),
        DescribeBackupJob: () => ({ State: "COMPLETED", RecoveryPointArn: RECOVERY_POINT }),
        DescribeRecoveryPoint: () => ({ Status: "PARTIAL" }),
      },
      "is PARTIAL",
    ],
  ])("fails %s", async (_when, answers, what) => {
    await expect(backUp(await context(answers), FILE_SYSTEM, progress)).rejects.toMatchObject({
      code: "backup-failed",
      message: expect.stringContaining(what),
    });
  });
});

it.each([
  ["ENABLED", true],
  ["DISABLED", false],
])("a backup policy that is %s: %s", async (Status, expected) => {
  const answers = { DescribeBackupPolicy: () => ({ BackupPolicy: { Status } }) };
  expect(await hasBackups(await context(answers), ID)).toBe(expected);
});

it("a file system without a backup policy has no backups", async () => {
  const DescribeBackupPolicy = () => {
    throw new AwsFault("PolicyNotFound");
  };
  expect(await hasBackups(await context({ DescribeBackupPolicy }), ID)).toBe(false);
});
