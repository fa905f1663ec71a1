import { Duration } from "aws-cdk-lib";
import { Match, type Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { only, statements, templates } from "../test-support/synth.ts";
import { NewBackupVault, VaultLock } from "./backup-vault.ts";
import { ServerBackup } from "./server-backup.ts";

const KEY = "arn:aws:kms:eu-central-1:111111111111:key/11111111-2222-3333-4444-555555555555";
const DAILY = { daily: true, startHour: 3, keepDays: 35 } as const;
const { state, monitoring } = templates();
const nameOf = (template: Template): unknown => only(template, "AWS::Backup::BackupVault").BackupVaultName;

describe("the daily copy", () => {
  it("is made in the hour of the settings, and kept for their days", () => {
    const other = templates({ backup: { ...DAILY, startHour: 22, keepDays: 7 } }).state;
    for (const [template, hour, DeleteAfterDays] of [
      [state, 3, 35],
      [other, 22, 7],
    ] as const)
      expect(only(template, "AWS::Backup::BackupPlan").BackupPlan).toMatchObject({
        BackupPlanName: "dbward-test",
        BackupPlanRule: [
          {
            RuleName: "daily",
            ScheduleExpression: `cron(0 ${hour} * * ? *)`,
            StartWindowMinutes: 60,
            CompletionWindowMinutes: 1200,
            Lifecycle: { DeleteAfterDays },
          },
        ],
      });
  });

  it("is of this file system alone, by its ARN, whether the stage created it or not", () => {
    const existing = templates({ state: { fileSystemId: "fs-0123456789abcdef0" } }).state;
    for (const [template, id] of [
      [state, { Ref: expect.stringMatching(/^FileSystem/) }],
      [existing, ":file-system/fs-0123456789abcdef0"],
    ] as const) {
      const { Resources } = only(template, "AWS::Backup::BackupSelection").BackupSelection;
      expect(Resources).toEqual([{ "Fn::Join": ["", expect.arrayContaining([id])] }]);
    }
  });

  it("is left out by setting, and the vault and the role stay for copies by hand", () => {
    const byHand = templates({ backup: { ...DAILY, daily: false } }).state;
    byHand.resourceCountIs("AWS::Backup::BackupPlan", 0);
    byHand.resourceCountIs("AWS::Backup::BackupSelection", 0);
    byHand.resourceCountIs("AWS::Backup::BackupVault", 1);
    expect(statements(byHand, /^BackupRole/).length).toBeGreaterThan(0);
  });

  it("is told of when it fails, in lines", () => {
    monitoring.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        source: ["aws.backup"],
        "detail-type": ["Backup Job State Change"],
        detail: {
          state: ["ABORTED", "EXPIRED", "FAILED", "PARTIAL"],
          resourceArn: [{ "Fn::Join": ["", Match.arrayWith([Match.stringLikeRegexp("file-system/")])] }],
        },
      },
    });
  });
});

describe("the vault", () => {
  it("is kept, and has a name that no later stack and no other key gives again", () => {
    state.hasResource("AWS::Backup::BackupVault", {
      DeletionPolicy: "RetainExceptOnCreate",
      UpdateReplacePolicy: "Retain",
    });
    const [text] = Object.values(nameOf(state) as Record<string, unknown[]>);
    expect(JSON.stringify(text)).toMatch(/"dbward-test-".*AWS::StackId/);
    const names = [
      nameOf(state),
      nameOf(templates({ encryption: { kmsKey: "new", keys: {} } }).state),
      nameOf(templates({ encryption: { kmsKey: KEY, keys: {} } }).state),
      nameOf(templates({ encryption: { kmsKey: KEY.replace(/5$/, "6"), keys: {} } }).state),
    ].map((name) => JSON.stringify(name));
    expect(new Set(names).size).toBe(4);
    expect(nameOf(templates({ encryption: { kmsKey: KEY, keys: {} } }).state)).toEqual(JSON.parse(names[2]!));
  });

  it("has a name of at most 50 characters, with the longest name of a stage and a key", () => {
    const long = templates({ stage: "s".repeat(32), encryption: { kmsKey: KEY, keys: {} } }).state;
    const parts = (nameOf(long) as { "Fn::Join": [string, unknown[]] })["Fn::Join"][1];
    const written = parts.filter((part) => typeof part === "string").join("");
    // The first part of the id of a stack has 8 characters.
    expect(written.length + 8).toBeLessThanOrEqual(50);
  });

  it("is not locked, or by a lock that can be taken off, unless the settings say in words that it can't", () => {
    const lockOf = (backup: Parameters<typeof templates>[0] & object) =>
      only(templates(backup).state, "AWS::Backup::BackupVault").LockConfiguration;
    expect(lockOf({})).toBeUndefined();
    expect(lockOf({ backup: { ...DAILY, lock: { mode: "governance" } } })).toEqual({ MinRetentionDays: 35 });
    expect(
      lockOf({
        backup: {
          ...DAILY,
          lock: { mode: "compliance", minDays: 7, maxDays: 90, changeableForDays: 5 },
        },
      }),
    ).toEqual({ MinRetentionDays: 7, MaxRetentionDays: 90, ChangeableForDays: 5 });
  });

  it("may be an existing one, of which the stage creates nothing", () => {
    const existing = templates({ backup: { ...DAILY, vaultName: "acme" } }).state;
    existing.resourceCountIs("AWS::Backup::BackupVault", 0);
    expect(only(existing, "AWS::Backup::BackupPlan").BackupPlan.BackupPlanRule).toMatchObject([
      { TargetBackupVault: "acme" },
    ]);
    existing.hasOutput("BackupVaultName", { Value: "acme" });
  });
});

describe("the role of AWS Backup", () => {
  const ofEfs = (template: Template) =>
    statements(template, /^BackupRole/).flatMap(({ Action }) => [Action].flat() as string[]);

  it("copies this file system alone, and deletes none", () => {
    const copy = statements(state, /^BackupRole/).find(({ Sid }) => Sid === "CopyState");
    expect(JSON.stringify(copy.Resource)).toMatch(/"Ref":"FileSystem/);
    expect(ofEfs(state).filter((action) => /Delete|\*/.test(action))).toEqual([]);
    expect(only(state, "AWS::Backup::BackupSelection").BackupSelection.IamRoleArn["Fn::GetAtt"][0]).toMatch(
      /^BackupRole/,
    );
  });

  it("has no managed policy, the path and the boundary of the settings, and AWS Backup alone takes it", () => {
    const boundary = "arn:aws:iam::111111111111:policy/boundary";
    const { state: bound } = templates({ iam: { permissionsBoundary: boundary, rolePath: "/dbward/" } });
    bound.hasResourceProperties("AWS::IAM::Role", {
      AssumeRolePolicyDocument: {
        Statement: [{ Principal: { Service: "backup.amazonaws.com" }, Action: "sts:AssumeRole" }],
      },
      Path: "/dbward/",
      PermissionsBoundary: boundary,
      ManagedPolicyArns: Match.absent(),
    });
  });

  it("uses a customer managed key, and no key where AWS's own encrypt", () => {
    const usesKey = (settings: Parameters<typeof templates>[0]) =>
      statements(templates(settings).state, /^BackupRole/).find(({ Sid }) => Sid === "UseKey");
    expect(usesKey({})).toBeUndefined();
    expect(usesKey({ encryption: { kmsKey: KEY, keys: {} } })).toMatchObject({ Resource: KEY });
    expect(usesKey({ state: { fileSystemId: "fs-0123456789abcdef0" } })).toMatchObject({
      Condition: { StringLike: { "kms:ViaService": expect.anything() } },
    });
  });
});

describe("the constructs for any CDK app", () => {
  it("name what can't be deployed", async () => {
    const { App, Stack } = await import("aws-cdk-lib");
    const stack = new Stack(new App({ analyticsReporting: false }), "Stack");
    expect(() => new NewBackupVault(stack, "Vault", { name: "no spaces" })).toThrow(/name must have 2 to 36/);
    const vault = new NewBackupVault(stack, "Other", {
      name: "acme",
      lock: VaultLock.complianceThatCanNeverBeUndone({ min: Duration.days(1) }, Duration.days(3)),
    });
    const fileSystem = { fileSystemArn: "arn" } as ConstructorParameters<
      typeof ServerBackup
    >[2]["fileSystem"];
    expect(
      () =>
        new ServerBackup(stack, "Backup", {
          fileSystem,
          vault,
          planName: "acme",
          startHour: 24,
          keepFor: Duration.hours(1),
        }),
    ).toThrow(/startHour must be 0 to 23.*keepFor must be one day/s);
  });
});
