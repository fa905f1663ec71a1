import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DescribeSecurityGroupsCommand, DescribeVpcsCommand, EC2Client } from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  type ECSClient,
  ListServicesCommand,
  PutClusterCapacityProvidersCommand,
  RegisterTaskDefinitionCommand,
  UpdateClusterCommand,
} from "@aws-sdk/client-ecs";
import {
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { STACK_OUTPUTS } from "@dbward-aws/contract";
import { LOCAL_REGION } from "@dbward-aws/local-account";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { LOOKUP_FILE, readLookups } from "@dbward-aws/settings";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account } from "./support/account.ts";
import {
  createListener,
  createPlatform,
  enableDnsHostnames,
  type Platform,
  tagDatabase,
} from "./support/platform.ts";
import { ops } from "./support/run-command.ts";
import { healthyAgentCapabilities } from "./support/server-api.ts";
import { startStory } from "./support/start-story.ts";

const DIRECTORY = join(import.meta.dirname, "../.local", "e2e-vpc");
const PROJECT = join(DIRECTORY, "project");
const CLUSTER = "platform";
const MINUTE = 60_000;

/** A stage in what exists already. Each test builds on the ones before it. */
describe.sequential("a stage in an existing VPC and an existing cluster, by ids and names alone", () => {
  let stage: LocalStage;
  let account: Account;
  let ec2: EC2Client;
  let platform: Platform;
  let env: Record<string, string>;

  beforeAll(async () => {
    stage = await startStory(DIRECTORY, "existing-vpc.config.ts");
    account = new Account(stage, CLUSTER);
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

  /** The names of all services of the cluster. */
  const servicesOfCluster = async () => {
    const { serviceArns = [] } = await account.ecs.send(new ListServicesCommand({ cluster: CLUSTER }));
    return serviceArns.map((arn) => arn.split("/").at(-1)).sort();
  };

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

  it("is refused while the cluster is missing, and while it logs sessions", {
    timeout: 2 * MINUTE,
  }, async () => {
    await expect(stage.deploy({ env })).rejects.toThrow(/Cluster platform \(cluster\) doesn't exist/);
    await account.ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
    await expect(stage.deploy({ env })).rejects.toThrow(
      /has no capacity provider FARGATE[\s\S]*logs its ECS Exec sessions \(logging: DEFAULT\)/,
    );
    expect((await stage.status()).stacks).toEqual([]);
    await account.ecs.send(
      new PutClusterCapacityProvidersCommand({
        cluster: CLUSTER,
        capacityProviders: ["FARGATE"],
        defaultCapacityProviderStrategy: [],
      }),
    );
    await account.ecs.send(
      new UpdateClusterCommand({
        cluster: CLUSTER,
        configuration: { executeCommandConfiguration: { logging: "NONE" } },
      }),
    );
    await startForeignService(account.ecs);
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

  it("is operated by the services of the cluster that it shares", { timeout: 3 * MINUTE }, async () => {
    expect(await servicesOfCluster()).toEqual(["dbward-local-agent-app", "dbward-local-server", "shop"]);
    const access = { ...stage, environment: { ...stage.environment, ...env } };
    const { exitCode, stdout, stderr } = await ops(access, PROJECT, "restart", "agent", "app", "--yes");
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain("dbward-local-agent-app: 1 of 1 running and healthy, all new.");
    const read = await ops(access, PROJECT, "status", "--json");
    expect(JSON.parse(read.stdout), read.stderr).toMatchObject({
      services: {
        items: [
          { service: "dbward-local-server", state: "stable", running: 1 },
          { service: "dbward-local-agent-app", state: "stable", running: 1 },
        ],
      },
    });
  });

  it("is reached through a load balancer of its own, then through an existing listener, then through none", {
    timeout: 10 * MINUTE,
  }, async () => {
    const balancers = new ElasticLoadBalancingV2Client(stage.clientConfig());
    const { arn, group } = await createListener(ec2, balancers, platform);
    const rulesOf = async () => {
      const { Rules = [] } = await balancers.send(new DescribeRulesCommand({ ListenerArn: arn }));
      return Rules.filter(({ IsDefault }) => !IsDefault);
    };
    const deploy = (server: object) => stage.deploy({ env: { ...env, E2E_SERVER: JSON.stringify(server) } });
    const url = "http://dbward.example.com";
    const listener = { arn, securityGroupId: group, url, priority: 100 };

    await deploy({ loadBalancer: { scheme: "internal" } });
    expect(await stage.steady()).toEqual([]);
    await expect(deploy({ listener: { ...listener, securityGroupId: platform.group } })).rejects.toThrow(
      new RegExp(`doesn't have security group ${platform.group}.*It has ${group}`),
    );
    await deploy({ listener });
    expect(await stage.steady()).toEqual([]);
    const rules = await rulesOf();
    expect(rules).toMatchObject([
      {
        Priority: "100",
        Conditions: [{ Field: "host-header", HostHeaderConfig: { Values: ["dbward.example.com"] } }],
        Actions: [{ Type: "forward" }],
      },
    ]);
    const { loadBalancers, networkConfiguration } = await account.service(account.names.serverService);
    expect(loadBalancers).toMatchObject([
      { targetGroupArn: rules[0]!.Actions![0]!.TargetGroupArn, containerPort: 3000 },
    ]);
    const [serverGroup] = networkConfiguration!.awsvpcConfiguration!.securityGroups!;
    const { SecurityGroups } = await ec2.send(
      new DescribeSecurityGroupsCommand({ GroupIds: [serverGroup!] }),
    );
    expect(SecurityGroups![0]!.IpPermissions).toContainEqual(
      expect.objectContaining({
        FromPort: 3000,
        UserIdGroupPairs: [expect.objectContaining({ GroupId: group })],
      }),
    );
    const outputs = await account.outputs(account.names.stack("Server"));
    expect(outputs[STACK_OUTPUTS.serverEndpoint]).toBe(url);
    const { LoadBalancers = [] } = await balancers.send(new DescribeLoadBalancersCommand({}));
    expect(LoadBalancers.map(({ LoadBalancerName }) => LoadBalancerName)).toEqual(["platform"]);

    await deploy({});
    expect(await stage.steady()).toEqual([]);
    expect(await rulesOf()).toEqual([]);
    balancers.destroy();
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

  it("takes its rule away from the database's group when it is removed, and leaves VPC and cluster", {
    timeout: 5 * MINUTE,
  }, async () => {
    await stage.remove({ env });
    expect(await ingressOfDatabase()).toEqual([]);
    const { Vpcs } = await ec2.send(new DescribeVpcsCommand({ VpcIds: [platform.vpcId] }));
    expect(Vpcs).toHaveLength(1);
    expect(await servicesOfCluster()).toEqual(["shop"]);
  });
});

/** A service of somebody else in the cluster, without tasks. */
async function startForeignService(ecs: ECSClient): Promise<void> {
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "shop",
      containerDefinitions: [{ name: "main", image: "none" }],
    }),
  );
  await ecs.send(
    new CreateServiceCommand({
      cluster: CLUSTER,
      serviceName: "shop",
      taskDefinition: taskDefinition!.taskDefinitionArn!,
      desiredCount: 0,
    }),
  );
}
