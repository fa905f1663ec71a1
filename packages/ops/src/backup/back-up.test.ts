import { stageNames } from "@dbward-aws/contract";
import { createAwsClients } from "@dbward-aws/stage";
import { describe, expect, it } from "vitest";
import type { CommandContext } from "../command.ts";
import { type Answers, AwsFault, type Input } from "../test-support/aws-peer.ts";
import { stageSettings, withAws } from "../test-support/ops-run.ts";
import { BACKUP_ROLE, VAULT } from "../test-support/restorable-stage.ts";
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
  DescribeStacks: ({ StackName }) => {
    throw new AwsFault("ValidationError", `Stack with id ${StackName} does not exist`);
  },
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
  const settings = stageSettings();
  return {
    clients: createAwsClients("eu-central-1"),
    settings,
    names: stageNames(settings.stage),
    signal,
  } as unknown as CommandContext;
}

/** A State stack with a vault and a role. */
const DescribeStacks = ({ StackName }: Input) => ({
  Stacks: [
    {
      StackName,
      StackStatus: "UPDATE_COMPLETE",
      CreationTime: "2026-01-01T00:00:00Z",
      Outputs: [
        { OutputKey: "BackupVaultName", OutputValue: VAULT },
        { OutputKey: "BackupRoleArn", OutputValue: BACKUP_ROLE },
      ],
    },
  ],
});

describe("backUp", () => {
  it.each([
    ["the stage's, as the stage's role", DescribeStacks, VAULT, BACKUP_ROLE],
    [
      "that of the automatic backups, for a stage that was deployed without one",
      QUIET.DescribeStacks!,
      "aws/efs/automatic-backup-vault",
      ROLE_ARN,
    ],
  ] as const)(
    "makes a recovery point in a vault, and waits for it: %s",
    {
      timeout: 120_000,
    },
    async (_whose, stacks, vault, role) => {
      const states = [
        { State: "RUNNING", PercentDone: "40.2" },
        { State: "COMPLETED", RecoveryPointArn: RECOVERY_POINT },
      ];
      let started: unknown;
      const answers: Answers = {
        DescribeStacks: stacks,
        StartBackupJob: (input) => {
          started = input;
          return { BackupJobId: "job-1" };
        },
        DescribeBackupJob: ({ BackupJobId }) => ({ BackupJobId, ...states.shift() }),
      };
      expect(await backUp(await context(answers), FILE_SYSTEM, progress)).toBe(RECOVERY_POINT);
      expect(started).toMatchObject({
        BackupVaultName: vault,
        ResourceArn: FILE_SYSTEM.arn,
        IamRoleArn: role,
        Lifecycle: { DeleteAfterDays: 35 },
      });
      expect(steps).toContain("Backing up the server's file system: 40 %");
    },
  );

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
      "there is no AWSBackupDefaultServiceRole",
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

it("a stage with a vault of its own has backups, whatever EFS's policy is", async () => {
  const DescribeBackupPolicy = () => ({ BackupPolicy: { Status: "DISABLED" } });
  expect(await hasBackups(await context({ DescribeStacks, DescribeBackupPolicy }), ID)).toBe(true);
});
