import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  EC2Client,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
} from "@aws-sdk/client-ec2";
import { StopTaskCommand } from "@aws-sdk/client-ecs";
import { SERVER, stageNames } from "@dbward-aws/contract";
import { type LocalStage, startLocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { STAND_IN } from "./support/stand-in.ts";

const ROOT = join(import.meta.dirname, "..");
const DIRECTORY = join(ROOT, ".local", "e2e-network");
const NAMES = stageNames("local");
const AGENT = NAMES.agentService("app");
const MINUTE = 60_000;
const HTTPS = 443;
const NFS = 2049;

/** What each path of a stage needs: the rules are taken away one at a time, and put back. */
describe.sequential("the network of a stage", { timeout: 3 * MINUTE }, () => {
  let stage: LocalStage;
  let account: Account;
  let ec2: EC2Client;

  beforeAll(async () => {
    await rm(DIRECTORY, { recursive: true, force: true });
    stage = await startLocalStage({ root: ROOT, directory: DIRECTORY, build: false, standIn: STAND_IN });
    account = new Account(stage);
    ec2 = new EC2Client(stage.clientConfig());
    await stage.deploy();
    expect(await stage.steady()).toEqual([]);
  }, 8 * MINUTE);

  afterAll(async () => {
    account?.close();
    ec2?.destroy();
    await stage?.close();
  }, MINUTE);

  async function groupOf(service: string): Promise<string> {
    const { networkConfiguration } = await account.service(service);
    return networkConfiguration!.awsvpcConfiguration!.securityGroups![0]!;
  }

  async function described(description: string): Promise<string> {
    const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({}));
    return SecurityGroups.find(({ Description }) => Description === description)!.GroupId!;
  }

  /** Takes the rules of a group for a port away. @returns what puts them back */
  async function close(
    GroupId: string,
    direction: "ingress" | "egress",
    port: number,
  ): Promise<() => Promise<void>> {
    const isEgress = direction === "egress";
    const [group] = (await ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [GroupId] })))
      .SecurityGroups!;
    const { SecurityGroupRules = [] } = await ec2.send(
      new DescribeSecurityGroupRulesCommand({ Filters: [{ Name: "group-id", Values: [GroupId] }] }),
    );
    const SecurityGroupRuleIds = SecurityGroupRules.filter(
      ({ IsEgress, FromPort }) => IsEgress === isEgress && FromPort === port,
    ).map(({ SecurityGroupRuleId }) => SecurityGroupRuleId!);
    const permissions = isEgress ? group!.IpPermissionsEgress : group!.IpPermissions;
    const IpPermissions = permissions!.filter(({ FromPort }) => FromPort === port);
    expect(SecurityGroupRuleIds.length, `${direction} ${port} of ${group!.Description}`).toBeGreaterThan(0);
    const rules = { GroupId, SecurityGroupRuleIds };
    await (isEgress
      ? ec2.send(new RevokeSecurityGroupEgressCommand(rules))
      : ec2.send(new RevokeSecurityGroupIngressCommand(rules)));
    return async () => {
      await (isEgress
        ? ec2.send(new AuthorizeSecurityGroupEgressCommand({ GroupId, IpPermissions }))
        : ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions })));
    };
  }

  /** Ends a service's task. @returns ARNs of the tasks that it has had so far */
  async function restart(service: string): Promise<Set<string | undefined>> {
    const tasks = await account.tasks(service);
    const running = tasks.find(({ lastStatus }) => lastStatus === "RUNNING");
    await account.ecs.send(new StopTaskCommand({ cluster: NAMES.cluster, task: running!.taskArn! }));
    return new Set(tasks.map(({ taskArn }) => taskArn));
  }

  /** Why the next task of a service doesn't start. */
  async function refusal(service: string): Promise<string> {
    const former = await restart(service);
    return eventually(async () => {
      const tasks = await account.tasks(service);
      return tasks.find(({ taskArn, stopCode }) => !former.has(taskArn) && stopCode === "TaskFailedToStart")
        ?.stoppedReason;
    }, MINUTE);
  }

  const agentIsHealthy = async () =>
    (await account.tasks(AGENT)).some(({ healthStatus, lastStatus }) => {
      return lastStatus === "RUNNING" && healthStatus === "HEALTHY";
    });

  it("mounts the file system by the rules for NFS alone, on both sides", async () => {
    for (const shut of [
      async () => close(await groupOf(NAMES.serverService), "egress", NFS),
      async () => close(await described("File system of the dbward server"), "ingress", NFS),
    ]) {
      const open = await shut();
      expect(await refusal(NAMES.serverService)).toContain("mount.nfs4: Connection timed out");
      await open();
      expect(await stage.steady()).toEqual([]);
    }
  });

  it.each([
    ["server", NAMES.serverService, "ResourceInitializationError|CannotPullContainerError"],
    ["agent", AGENT, "RequestCanceled: request context canceled"],
  ])("lets no task of the %s begin that can't reach AWS", async (_, service, words) => {
    const open = await close(await groupOf(service), "egress", HTTPS);
    expect(await refusal(service)).toMatch(new RegExp(words));
    await open();
    expect(await stage.steady()).toEqual([]);
  });

  it.each([
    [
      "the server, which refuses it",
      async () => close(await groupOf(NAMES.serverService), "ingress", SERVER.port),
    ],
    [
      "the server, which its own group refuses",
      async () => close(await groupOf(AGENT), "egress", SERVER.port),
    ],
    ["its database", async () => close(await groupOf(AGENT), "egress", 5432)],
  ])("leaves an agent without an answer that can't reach %s", async (_, shut) => {
    const open = await shut();
    const former = await restart(AGENT);
    await eventually(async () => {
      const tasks = await account.tasks(AGENT);
      return (
        tasks.some(({ taskArn, lastStatus }) => !former.has(taskArn) && lastStatus === "RUNNING") || undefined
      );
    }, MINUTE);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(await agentIsHealthy()).toBe(false);
    await open();
    await restart(AGENT);
    expect(await stage.steady()).toEqual([]);
  });

  it("shows the poller no server that it may not reach", async () => {
    // A rule counts for new connections, as on AWS: a poll may still use one that is open.
    const reachable = (wanted: number, since: Date) =>
      eventually(async () => {
        await stage.poll();
        return (await account.metric("ServerReachable", since)) === wanted || undefined;
      }, MINUTE);
    const open = await close(await described("dbward poller"), "egress", SERVER.port);
    await reachable(0, new Date());
    await open();
    await reachable(1, new Date());
  });
});
