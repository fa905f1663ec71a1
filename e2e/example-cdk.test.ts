import { join } from "node:path";
import { DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { DescribeSecurityGroupsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { CreateClusterCommand, DescribeClustersCommand } from "@aws-sdk/client-ecs";
import { CreateBucketCommand, HeadBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { stageNames, TOKEN_PATTERN } from "@dbward-aws/contract";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { DATABASE_URL } from "./support/changes.ts";
import { createPlatform, enableDnsHostnames, type Platform, tagDatabase } from "./support/platform.ts";
import { type CommandEnd, exampleCdk } from "./support/run-command.ts";
import { startStory } from "./support/start-story.ts";

const DIRECTORY = join(import.meta.dirname, "../.local", "e2e-example-cdk");
const BUCKET = "acme-dbward-results";
const MINUTE = 60_000;

/**
 * The app of examples/cdk, deployed by the CDK's own command into what exists already. Each test builds on
 * the ones before it.
 */
describe.sequential("the CDK app of examples/cdk", () => {
  let local: LocalStage;
  let stage: LocalStage;
  let account: Account;
  let ec2: EC2Client;
  let s3: S3Client;
  let platform: Platform;

  function cdk(...args: string[]): Promise<CommandEnd> {
    const context = {
      region: "us-east-1",
      vpcId: platform.vpcId,
      vpcCidr: "10.20.0.0/16",
      availabilityZones: "us-east-1a,us-east-1b",
      privateSubnetIds: platform.subnets.join(","),
      // The emulated account names the private DNS zone of a service after its cluster.
      clusterName: account.names.cluster,
      bucketName: BUCKET,
      databaseSecurityGroupId: platform.group,
      databaseUrlSecret: DATABASE_URL,
    };
    const flags = Object.entries(context).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    return exampleCdk(local, join(DIRECTORY, "cdk.out"), ...args, ...flags);
  }

  beforeAll(async () => {
    local = await startStory(DIRECTORY, "changed.config.ts");
    stage = await local.beside("example");
    account = new Account(stage);
    ec2 = new EC2Client(local.clientConfig());
    s3 = new S3Client({ ...local.clientConfig(), forcePathStyle: true });
    await eventually(() => account.secret(DATABASE_URL), 2 * MINUTE);
    platform = await createPlatform(ec2);
    await enableDnsHostnames(ec2, platform.vpcId);
    await tagDatabase(account, DATABASE_URL, platform);
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    await account.ecs.send(
      new CreateClusterCommand({
        clusterName: account.names.cluster,
        configuration: { executeCommandConfiguration: { logging: "NONE" } },
      }),
    );
  }, 5 * MINUTE);

  afterAll(async () => {
    ec2?.destroy();
    s3?.destroy();
    account?.close();
    await local?.close();
  }, MINUTE);

  it("deploys a server and an agent that are steady", { timeout: 10 * MINUTE }, async () => {
    const { exitCode, stdout, stderr } = await cdk("deploy", "--require-approval", "never");
    expect(exitCode, `${stdout}\n${stderr}`).toBe(0);
    const { serverService, agentService } = stageNames(stage.stage, account.names.cluster);
    for (const name of [serverService, agentService("app")])
      await eventually(async () => {
        const { deployments = [] } = await account.service(name);
        return deployments.length === 1 && deployments[0]!.rolloutState === "COMPLETED" ? true : undefined;
      }, 5 * MINUTE);
  });

  it("has captured a token for administrator, poller and agent", async () => {
    const { adminTokenSecret, metricsTokenSecret, agentTokenSecret } = account.names;
    const secrets = [adminTokenSecret, metricsTokenSecret, agentTokenSecret({ name: "app" })];
    const tokens = await Promise.all(secrets.map((name) => account.secret(name)));
    // Booleans, so that a failure doesn't print a token.
    expect(tokens.map((token) => TOKEN_PATTERN.test(token))).toEqual([true, true, true]);
    expect(new Set(tokens).size).toBe(3);
  });

  it("measures what its agent can take", { timeout: 10 * MINUTE }, async () => {
    const since = new Date();
    const capacity = await eventually(async () => {
      await stage.poll();
      return (await account.metric("AgentCapacity", since)) || undefined;
    }, 5 * MINUTE);
    expect(capacity).toBeGreaterThan(0);
    expect(await account.metric("ServerReachable", since)).toBe(1);
  });

  it("is removed, and leaves what was there before", { timeout: 10 * MINUTE }, async () => {
    const { exitCode, stderr } = await cdk("destroy", "--force");
    expect(exitCode, stderr).toBe(0);
    const { Stacks = [] } = await account.cloudFormation.send(new DescribeStacksCommand({}));
    expect(Stacks.map(({ StackName }) => StackName)).not.toContain("DbwardExample");
    await expect(s3.send(new HeadBucketCommand({ Bucket: BUCKET }))).resolves.toBeDefined();
    const { clusters = [] } = await account.ecs.send(
      new DescribeClustersCommand({ clusters: [account.names.cluster] }),
    );
    expect(clusters.map(({ status }) => status)).toEqual(["ACTIVE"]);
    const { SecurityGroups = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand({ GroupIds: [platform.group] }),
    );
    expect(SecurityGroups[0]!.IpPermissions ?? []).toEqual([]);
  });
});
