import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DescribeSecurityGroupsCommand, DescribeVpcsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { LOCAL_REGION } from "@dbward-aws/local-account";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { LOOKUP_FILE, readLookups } from "@dbward-aws/settings";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account } from "./support/account.ts";
import { createPlatform, enableDnsHostnames, type Platform, tagDatabase } from "./support/platform.ts";
import { ops } from "./support/run-command.ts";
import { healthyAgentCapabilities } from "./support/server-api.ts";
import { startStory } from "./support/start-story.ts";

const DIRECTORY = join(import.meta.dirname, "../.local", "e2e-vpc");
const PROJECT = join(DIRECTORY, "project");
const MINUTE = 60_000;

/** A stage in a VPC that exists already. Each test builds on the ones before it. */
describe.sequential("a stage in an existing VPC, by its ids alone", () => {
  let stage: LocalStage;
  let account: Account;
  let ec2: EC2Client;
  let platform: Platform;
  let env: Record<string, string>;

  beforeAll(async () => {
    stage = await startStory(DIRECTORY, "existing-vpc.config.ts");
    account = new Account(stage);
    ec2 = new EC2Client(stage.clientConfig());
    platform = await createPlatform(ec2);
    env = {
      E2E_VPC: platform.vpcId,
      E2E_SUBNETS: platform.subnets.join(","),
      E2E_DATABASE_GROUP: platform.group,
    };
  }, 5 * MINUTE);

  afterAll(async () => {
    ec2?.destroy();
    account?.close();
    await stage?.close();
  }, MINUTE);

  const ingressOfDatabase = async () => {
    const { SecurityGroups = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand({ GroupIds: [platform.group] }),
    );
    return SecurityGroups[0]!.IpPermissions ?? [];
  };

  it("is refused while the VPC has no DNS host names, before anything is created", {
    timeout: 2 * MINUTE,
  }, async () => {
    await expect(stage.deploy({ env })).rejects.toThrow(/has DNS host names off/);
    expect((await stage.status()).stacks).toEqual([]);
    await enableDnsHostnames(ec2, platform.vpcId);
  });

  it("runs there, its agent at both databases", { timeout: 8 * MINUTE }, async () => {
    // The local stage noted where the databases are when it read the settings, before the ids were known.
    await tagDatabase(account, "dbward/local/app-url", platform);
    await stage.deploy({ env });
    expect(await stage.steady()).toEqual([]);
    for (const service of [account.names.serverService, account.names.agentService("app")]) {
      const { networkConfiguration } = await account.service(service);
      expect(networkConfiguration?.awsvpcConfiguration?.subnets?.toSorted()).toEqual(
        platform.subnets.toSorted(),
      );
    }
    const token = await account.secret(account.names.adminTokenSecret);
    const capabilities = await healthyAgentCapabilities(stage.serverUrl, token, MINUTE);
    const scopes = ["app", "reports"].map((database) => ({ database, environment: "production" }));
    expect(capabilities).toEqual({ scopes: expect.arrayContaining(scopes) });
  });

  it("has opened the database's group to the agent, and to nobody else", async () => {
    const { networkConfiguration } = await account.service(account.names.agentService("app"));
    expect(await ingressOfDatabase()).toMatchObject([
      {
        IpProtocol: "tcp",
        FromPort: 5432,
        ToPort: 5432,
        UserIdGroupPairs: [{ GroupId: networkConfiguration!.awsvpcConfiguration!.securityGroups![0] }],
      },
    ]);
  });

  it("is written down for a synthesis without credentials by ops lookup", { timeout: MINUTE }, async () => {
    const access = { ...stage, environment: { ...stage.environment, ...env } };
    const { exitCode, stdout, stderr } = await ops(access, PROJECT, "lookup");
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain(`${platform.vpcId}: 10.20.0.0/16, egress "nat"`);
    expect(readLookups(PROJECT, "local")?.network).toEqual({
      vpcId: platform.vpcId,
      cidrs: ["10.20.0.0/16"],
      subnets: Object.fromEntries(
        platform.subnets.map((id, index) => [
          id,
          { vpcId: platform.vpcId, availabilityZone: `${LOCAL_REGION}${"ab"[index]}`, egress: "nat" },
        ]),
      ),
    });
    expect(readFileSync(join(PROJECT, LOOKUP_FILE), "utf8")).not.toContain("000000000000");
    rmSync(join(PROJECT, LOOKUP_FILE));
  });

  it("can't move to another VPC", { timeout: 2 * MINUTE }, async () => {
    const other = await createPlatform(ec2);
    await enableDnsHostnames(ec2, other.vpcId);
    const moved = {
      E2E_VPC: other.vpcId,
      E2E_SUBNETS: other.subnets.join(","),
      E2E_DATABASE_GROUP: other.group,
    };
    await expect(stage.deploy({ env: moved })).rejects.toThrow(
      new RegExp(`network\\.vpcId can't become ${other.vpcId}: the stage is in ${platform.vpcId}`),
    );
  });

  it("takes its rule away from the database's group when it is removed, and leaves the VPC", {
    timeout: 5 * MINUTE,
  }, async () => {
    await stage.remove({ env });
    expect(await ingressOfDatabase()).toEqual([]);
    const { Vpcs } = await ec2.send(new DescribeVpcsCommand({ VpcIds: [platform.vpcId] }));
    expect(Vpcs).toHaveLength(1);
  });
});
