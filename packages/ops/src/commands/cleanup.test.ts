import type { StageInput } from "@dbward-aws/settings";
import { describe, expect, it } from "vitest";
import { type Answers, AwsFault, type Input } from "../test-support/aws-peer.ts";
import { EMPTY_ACCOUNT } from "../test-support/empty-account.ts";
import { ops, withAws } from "../test-support/ops-run.ts";

const STATE = "prod-dbward-State";
const ACCOUNT = "123456789012";
const STACK_ARN = `arn:aws:cloudformation:eu-central-1:${ACCOUNT}:stack/${STATE}/1`;
const TAGS = [
  { Key: "sst:app", Value: "dbward" },
  { Key: "sst:stage", Value: "prod" },
];

const fileSystem = (FileSystemId: string, Tags: readonly object[] = TAGS, CreationTime = 1_700_000_000) => ({
  FileSystemId,
  FileSystemArn: `arn:aws:elasticfilesystem:eu-central-1:${ACCOUNT}:file-system/${FileSystemId}`,
  LifeCycleState: "available",
  CreationTime,
  Tags,
});

/** Answers about the file systems of an account, without mount targets and backups. */
const fileSystems = (...all: readonly ReturnType<typeof fileSystem>[]): Answers => ({
  DescribeFileSystems: ({ FileSystemId }) => {
    const found = all.filter((each) => FileSystemId === undefined || each.FileSystemId === FileSystemId);
    if (FileSystemId !== undefined && found.length === 0) throw new AwsFault("FileSystemNotFound");
    return { FileSystems: found };
  },
  DescribeMountTargets: () => ({ MountTargets: [] }),
  ListRecoveryPointsByResource: () => ({ RecoveryPoints: [] }),
});

const skipped = (ResourceType: string, PhysicalResourceId: string) => ({
  StackId: STACK_ARN,
  ResourceType,
  PhysicalResourceId,
  ResourceStatus: "DELETE_SKIPPED",
});

/** A stack of the state that was deleted, and kept these. */
const deletedState = (...events: readonly object[]): Answers => ({
  ListStacks: () => ({
    StackSummaries: [
      { StackName: STATE, StackId: STACK_ARN, StackStatus: "DELETE_COMPLETE" },
      { StackName: "other-State", StackId: "arn:aws:cloudformation:::stack/other-State/1" },
    ],
  }),
  DescribeStackEvents: ({ StackName }) => ({ StackEvents: StackName === STACK_ARN ? events : [] }),
});

async function cleanup(answers: Answers): Promise<string> {
  await withAws({ ...EMPTY_ACCOUNT, ...answers });
  const { code, out, err } = await ops("cleanup");
  expect([code, err]).toEqual([0, ""]);
  return out;
}

describe("ops cleanup", () => {
  it("has nothing to say of a stage that left nothing", async () => {
    expect(await cleanup({})).toBe("Nothing of stage prod is left.");
  });

  it("names what a removal kept, with the commands that delete it and the settings that take it up", async () => {
    const out = await cleanup({
      ...fileSystems(fileSystem("fs-1"), fileSystem("fs-of-others", [])),
      ...deletedState(
        skipped("AWS::S3::Bucket", "prod-dbward-state-resultsbucket1"),
        skipped("AWS::S3::Bucket", "deleted-since"),
        skipped("AWS::S3::BucketPolicy", "policy"),
        skipped("AWS::EFS::FileSystem", "fs-1"),
      ),
      DescribeMountTargets: () => ({ MountTargets: [{ MountTargetId: "fsmt-1" }] }),
      ListRecoveryPointsByResource: () => ({
        RecoveryPoints: [
          { BackupVaultName: "aws/efs/automatic-backup-vault", RecoveryPointArn: "arn:point" },
        ],
      }),
      HeadBucket: ({ Bucket }) => {
        if (Bucket === "deleted-since") throw new AwsFault("NotFound");
        return {};
      },
      GetResources: () => ({
        ResourceTagMappingList: [
          { ResourceARN: "arn:aws:s3:::prod-dbward-state-accesslogsbucket1" },
          { ResourceARN: `arn:aws:kms:eu-central-1:${ACCOUNT}:key/key-1` },
          { ResourceARN: `arn:aws:kms:eu-central-1:${ACCOUNT}:key/deleted-soon` },
        ],
      }),
      DescribeKey: ({ KeyId }) => ({
        KeyMetadata: { KeyId, KeyState: KeyId === "key-1" ? "Enabled" : "PendingDeletion" },
      }),
    });
    expect(out).toMatchInlineSnapshot(`
      "Stage prod is not deployed. In the account, and in no stack:
      - Bucket prod-dbward-state-accesslogsbucket1
      - Bucket prod-dbward-state-resultsbucket1
      - File system fs-1
      - Key key-1

      To delete it, data included:
        aws s3 rb s3://prod-dbward-state-accesslogsbucket1 --force --region eu-central-1
        aws s3 rb s3://prod-dbward-state-resultsbucket1 --force --region eu-central-1
        aws efs delete-mount-target --mount-target-id fsmt-1 --region eu-central-1
        aws efs delete-file-system --file-system-id fs-1 --region eu-central-1
        # backups expire by themselves; if the vault's access policy denies their deletion, change that policy first
        aws backup delete-recovery-point --backup-vault-name aws/efs/automatic-backup-vault --recovery-point-arn arn:point --region eu-central-1
        # once the key is deleted, everything encrypted with it, including backups, is lost
        aws kms schedule-key-deletion --pending-window-in-days 30 --key-id key-1 --region eu-central-1

      To deploy the stage again on its data, add to its settings:
        state: { fileSystemId: "fs-1" },
        storage: { bucketName: "prod-dbward-state-resultsbucket1" },"
    `);
  });

  describe("of a stage that was removed after a restore", () => {
    const answers: Answers = {
      ...EMPTY_ACCOUNT,
      // The restored file system comes after the former one by name, too.
      ...fileSystems(fileSystem("fs-11111111"), fileSystem("fs-22222222", TAGS, 1_700_086_400)),
      ...deletedState(skipped("AWS::S3::Bucket", "prod-dbward-state-resultsbucket1")),
      HeadBucket: () => ({}),
    };
    const state = { fileSystemId: "fs-22222222", replaces: "fs-11111111" };
    const howToDeploy = async (changes: Partial<StageInput>) => {
      await withAws(answers);
      const { code, out } = await ops("cleanup", changes);
      expect(code).toBe(0);
      return out.slice(out.indexOf("To deploy the stage again"));
    };

    it("leaves the settings on the file system that they name", async () => {
      expect(await howToDeploy({ state })).toMatchInlineSnapshot(`
        "To deploy the stage again on its data, add to its settings, which name file system fs-22222222:
          storage: { bucketName: "prod-dbward-state-resultsbucket1" },"
      `);
    });

    it("says when its settings name all that there is", async () => {
      const storage = { bucketName: "prod-dbward-state-resultsbucket1" };
      expect(await howToDeploy({ state, storage })).toMatchInlineSnapshot(
        `"To deploy the stage again on its data, leave its settings, which name file system fs-22222222, as they are."`,
      );
    });

    it("offers no bucket to a stage that has its results on the file system", async () => {
      const storage = { backend: "local" as const };
      expect(await howToDeploy({ state, storage })).toBe(
        "To deploy the stage again on its data, leave its settings, which name file system fs-22222222, as they are.",
      );
    });

    it("lets the reader choose among file systems that the settings don't name, newest first", async () => {
      expect(await howToDeploy({})).toMatchInlineSnapshot(`
        "To deploy the stage again on its data, add to its settings:
          // One of these: after a restore, the one that the stage ran on last.
          state: { fileSystemId: "fs-22222222" }, // created 2023-11-15T22:13:20.000Z
          state: { fileSystemId: "fs-11111111" }, // created 2023-11-14T22:13:20.000Z
          storage: { bucketName: "prod-dbward-state-resultsbucket1" },"
      `);
    });
  });

  it("names what keeps a stack from being deleted, and what it could not delete", async () => {
    const out = await cleanup({
      DescribeStacks: (input: Input) =>
        input.StackName === "prod-dbward-Server"
          ? { Stacks: [{ StackName: "prod-dbward-Server", StackStatus: "DELETE_FAILED" }] }
          : EMPTY_ACCOUNT.DescribeStacks!(input),
      ListStackResources: () => ({
        StackResourceSummaries: [
          {
            ResourceType: "AWS::ServiceDiscovery::PrivateDnsNamespace",
            PhysicalResourceId: "ns-1",
            ResourceStatus: "DELETE_FAILED",
          },
          { ResourceType: "AWS::Made::Up", PhysicalResourceId: "thing", ResourceStatus: "DELETE_FAILED" },
          { ResourceType: "AWS::IAM::Role", PhysicalResourceId: "role", ResourceStatus: "DELETE_COMPLETE" },
        ],
      }),
      ListNamespaces: () => ({
        Namespaces: [
          { Id: "ns-1", Name: "dbward-prod.internal" },
          { Id: "ns-2", Name: "dbward-dev.internal" },
        ],
      }),
      ListServices: () => ({ Services: [{ Id: "srv-1", Name: "server-connect" }] }),
      ListInstances: () => ({ Instances: [{ Id: "task-1" }] }),
      DescribeNetworkInterfaces: () => ({
        networkInterfaceSet: [
          { networkInterfaceId: "eni-1", status: "available" },
          { networkInterfaceId: "eni-2", status: "in-use" },
        ],
      }),
      DescribeSecurityGroups: (input) => ({
        securityGroupInfo: Object.values(input).includes("tag:sst:stage")
          ? [{ groupId: "sg-1" }]
          : [{ groupId: "sg-database" }, { groupId: "sg-1" }],
      }),
      DescribeSecurityGroupRules: () => ({
        securityGroupRuleSet: [
          {
            groupId: "sg-database",
            securityGroupRuleId: "sgr-1",
            isEgress: false,
            referencedGroupInfo: { groupId: "sg-1" },
          },
          {
            groupId: "sg-database",
            securityGroupRuleId: "sgr-2",
            isEgress: true,
            referencedGroupInfo: { groupId: "sg-other" },
          },
        ],
      }),
      DescribeLogGroups: ({ logGroupNamePrefix }) => ({
        logGroups: [{ logGroupName: `${logGroupNamePrefix}x` }],
      }),
      GetParametersByPath: ({ Path }) => ({ Parameters: [{ Name: `${Path}/app` }] }),
      DescribeSecret: ({ SecretId }) => {
        if (SecretId === "dbward/prod/admin-token") return { DeletedDate: 1_700_000_000 };
        throw new AwsFault("ResourceNotFoundException");
      },
      DescribeClusters: () => ({ clusters: [{ clusterName: "dbward-prod", status: "ACTIVE" }] }),
    });
    expect(out).toMatchInlineSnapshot(`
      "Stage prod is not deployed. In the account, and in no stack:
      - Cluster dbward-prod
      - Cloud Map namespace ns-1
      - Network interface eni-1
      - Network interface eni-2
      - Security group sg-1
      - Secret dbward/prod/admin-token
      - SSM parameter /dbward/prod/agent-token-secret/app
      - SSM parameter /dbward/prod/agent-token-version/app
      - Log group /ecs/dbward-prod/x
      - Log group prod-dbward-x
      - AWS::Made::Up thing
      - Stack prod-dbward-Server

      To delete it, data included:
        aws ecs delete-cluster --cluster dbward-prod --region eu-central-1
        aws servicediscovery deregister-instance --service-id srv-1 --instance-id task-1 --region eu-central-1
        aws servicediscovery delete-service --id srv-1 --region eu-central-1
        aws servicediscovery delete-namespace --id ns-1 --region eu-central-1
        aws ec2 delete-network-interface --network-interface-id eni-1 --region eu-central-1
        # eni-2 is in use: AWS deletes it with its mount target, or within 40 minutes after its function
        aws ec2 revoke-security-group-ingress --group-id sg-database --security-group-rule-ids sgr-1 --region eu-central-1
        aws ec2 delete-security-group --group-id sg-1 --region eu-central-1
        aws secretsmanager delete-secret --secret-id dbward/prod/admin-token --force-delete-without-recovery --region eu-central-1
        aws ssm delete-parameter --name /dbward/prod/agent-token-secret/app --region eu-central-1
        aws ssm delete-parameter --name /dbward/prod/agent-token-version/app --region eu-central-1
        aws logs delete-log-group --log-group-name /ecs/dbward-prod/x --region eu-central-1
        aws logs delete-log-group --log-group-name prod-dbward-x --region eu-central-1
        # AWS::Made::Up thing: delete it in the console
        aws cloudformation delete-stack --stack-name prod-dbward-Server --region eu-central-1"
    `);
  });

  it("knows backups of a file system that was deleted since", async () => {
    const out = await cleanup({
      ...fileSystems(),
      ...deletedState(skipped("AWS::EFS::FileSystem", "fs-1")),
      ListRecoveryPointsByResource: ({ ResourceArn }) => ({
        RecoveryPoints: [{ BackupVaultName: "vault", RecoveryPointArn: `point-of:${ResourceArn}` }],
      }),
    });
    expect(out).toContain("- Backup of the deleted file system fs-1");
    expect(out).toContain(
      `aws backup delete-recovery-point --backup-vault-name vault --recovery-point-arn point-of:arn:aws:elasticfilesystem:eu-central-1:${ACCOUNT}:file-system/fs-1`,
    );
  });

  it("tells of a deployed stage what a removal would keep, and what it left before", async () => {
    const template = {
      Resources: {
        Files: { DeletionPolicy: "RetainExceptOnCreate" },
        Role: {},
        Policy: { DeletionPolicy: "Retain" },
      },
    };
    const out = await cleanup({
      ...fileSystems(fileSystem("fs-new"), fileSystem("fs-former")),
      DescribeStacks: ({ StackName }) => ({ Stacks: [{ StackName, StackStatus: "UPDATE_COMPLETE" }] }),
      GetTemplate: ({ StackName }) => ({
        TemplateBody: StackName === STATE ? JSON.stringify(template) : "{}",
      }),
      ListStackResources: () => ({
        StackResourceSummaries: [
          { LogicalResourceId: "Files", ResourceType: "AWS::EFS::FileSystem", PhysicalResourceId: "fs-new" },
          {
            LogicalResourceId: "Policy",
            ResourceType: "AWS::S3::BucketPolicy",
            PhysicalResourceId: "policy",
          },
          {
            LogicalResourceId: "Secret",
            ResourceType: "AWS::SecretsManager::Secret",
            PhysicalResourceId: `arn:aws:secretsmanager:eu-central-1:${ACCOUNT}:secret:dbward/prod/admin-token-AbCdEf`,
          },
        ],
      }),
      DescribeSecret: ({ SecretId }) => {
        if (SecretId === "dbward/prod/admin-token") return { VersionIdsToStages: { v: ["AWSCURRENT"] } };
        throw new AwsFault("ResourceNotFoundException");
      },
    });
    expect(out).toMatchInlineSnapshot(`
      "Stage prod is deployed. When it is removed (pnpm ops remove --stage prod), this is kept:
      - File system fs-new

      To delete it after the removal, data included:
        aws efs delete-file-system --file-system-id fs-new --region eu-central-1

      Also in the account, and in none of the stage's stacks:
      - File system fs-former

      To delete that, data included:
        aws efs delete-file-system --file-system-id fs-former --region eu-central-1"
    `);
  });

  it("tells of a restored stage that its file system stays, without the mount targets that go with the stack", async () => {
    await withAws({
      ...EMPTY_ACCOUNT,
      ...fileSystems(fileSystem("fs-22222222"), fileSystem("fs-11111111")),
      DescribeStacks: ({ StackName }) => ({ Stacks: [{ StackName, StackStatus: "UPDATE_COMPLETE" }] }),
      GetTemplate: () => ({ TemplateBody: "{}" }),
      ListStackResources: () => ({
        StackResourceSummaries: [
          {
            LogicalResourceId: "Target",
            ResourceType: "AWS::EFS::MountTarget",
            PhysicalResourceId: "fsmt-own",
          },
        ],
      }),
      DescribeMountTargets: ({ FileSystemId }) => ({
        MountTargets: FileSystemId === "fs-22222222" ? [{ MountTargetId: "fsmt-own" }] : [],
      }),
    });
    const { out } = await ops("cleanup", { state: { fileSystemId: "fs-22222222", replaces: "fs-11111111" } });
    expect(out).toMatchInlineSnapshot(`
      "Stage prod is deployed. When it is removed (pnpm ops remove --stage prod), this is kept:
      - File system fs-22222222

      To delete it after the removal, data included:
        aws efs delete-file-system --file-system-id fs-22222222 --region eu-central-1

      Also in the account, and in none of the stage's stacks:
      - File system fs-11111111

      To delete that, data included:
        aws efs delete-file-system --file-system-id fs-11111111 --region eu-central-1"
    `);
  });

  it("reports what it could not search, and continues", async () => {
    const out = await cleanup({
      GetResources: () => {
        throw new AwsFault("AccessDeniedException", "not authorized to perform tag:GetResources");
      },
      DescribeClusters: () => ({ clusters: [{ clusterName: "dbward-prod", status: "ACTIVE" }] }),
    });
    expect(out).toContain("- Cluster dbward-prod");
    expect(out).toMatch(
      /^Not looked for: Looking for resources with the stage's tags failed: .*tag:GetResources/m,
    );
  });
});
