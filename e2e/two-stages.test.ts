import { join } from "node:path";
import { DbwardClient } from "@dbward-aws/dbward-client";
import type { LocalStage, StageStatus } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { ops } from "./support/run-command.ts";
import { startStory } from "./support/start-story.ts";

const DIRECTORY = join(import.meta.dirname, "../.local", "e2e-two");
const PROJECT = join(DIRECTORY, "project");
const MINUTE = 60_000;

/** Two stages side by side in one account. Each test builds on the ones before it. */
describe.sequential("two stages in one account", () => {
  let stages: readonly LocalStage[];
  let accounts: readonly Account[];
  const before: StageStatus[] = [];

  beforeAll(async () => {
    const first = await startStory(DIRECTORY, "two-stages.config.ts");
    stages = [first, await first.beside("local-two")];
    accounts = stages.map((stage) => new Account(stage));
  }, 5 * MINUTE);

  afterAll(async () => {
    for (const account of accounts ?? []) account.close();
    await stages?.[0]?.close();
  }, MINUTE);

  it("are deployed one after the other, and both run", { timeout: 10 * MINUTE }, async () => {
    for (const stage of stages) {
      await stage.deploy();
      expect(await stage.steady()).toEqual([]);
    }
    before.push(...(await Promise.all(stages.map((stage) => stage.status()))));
    for (const { services, stacks, stage } of before) {
      expect(stacks.map(({ status }) => status)).toEqual(Array(4).fill("CREATE_COMPLETE"));
      expect(stacks.every(({ name }) => name.startsWith(`${stage}-dbward-`))).toBe(true);
      expect(services).toMatchObject([
        { name: "server", desired: 1, running: 1 },
        { name: "agent-app", desired: 1, running: 1 },
      ]);
    }
  });

  it("share no address, secret, alarm or file system", async () => {
    const [one, two] = before;
    expect(one!.serverUrl).not.toBe(two!.serverUrl);
    expect(one!.endpoint).toBe(two!.endpoint);
    const namesOf = ({ secrets, alarms, stacks }: StageStatus) =>
      [secrets, alarms, stacks].flatMap((all) => all.map(({ name }) => name));
    const shared = new Set(namesOf(one!));
    expect(namesOf(two!).filter((name) => shared.has(name))).toEqual([]);
    expect(two!.alarms.length).toBeGreaterThan(one!.alarms.length);
  });

  it("have tokens that the other one's server refuses", async () => {
    const tokens = await Promise.all(
      accounts.map((account) => account.secret(account.names.adminTokenSecret)),
    );
    for (const [index, stage] of stages.entries()) {
      const server = new DbwardClient({ url: stage.serverUrl });
      await expect(server.listTokens({ token: tokens[index]! })).resolves.toBeInstanceOf(Array);
      await expect(server.listTokens({ token: tokens[1 - index]! })).rejects.toMatchObject({ status: 401 });
      await eventually(async () => {
        const agents = await server.agents({ token: tokens[index]! });
        return (agents.length === 1 && agents[0]!.status === "healthy") || undefined;
      }, MINUTE);
    }
  });

  it("have metrics of their own", { timeout: 2 * MINUTE }, async () => {
    await accounts[1]!.scale(accounts[1]!.names.agentService("app"), 0);
    const since = new Date();
    await Promise.all(stages.map((stage) => stage.poll()));
    const capacities = () => Promise.all(accounts.map((account) => account.metric("AgentCapacity", since)));
    await eventually(async () => {
      await stages[1]!.poll();
      const [one, two] = await capacities();
      return (one! > 0 && two === 0) || undefined;
    }, 1.5 * MINUTE);
    await accounts[1]!.scale(accounts[1]!.names.agentService("app"), 1);
  });

  it("are told apart by the operator's status", { timeout: MINUTE }, async () => {
    for (const stage of stages) {
      const { stdout } = await ops(stage, PROJECT, "status", "--json");
      const report = JSON.parse(stdout);
      expect(report.stage).toBe(stage.stage);
      expect(report.stacks.items).toHaveLength(4);
      const names = report.alarms.items.map(({ name }: { name: string }) => name);
      const own = before.find((status) => status.stage === stage.stage)!.alarms.map(({ name }) => name);
      expect(names.filter((name: string) => !own.includes(name))).toEqual([]);
    }
  });

  it("leave each other whole when one is removed", { timeout: 5 * MINUTE }, async () => {
    const [first, second] = stages;
    const [task] = await accounts[0]!.tasks(accounts[0]!.names.serverService);
    await second!.remove();
    const gone = await second!.status();
    expect([gone.stacks, gone.services, gone.alarms]).toEqual([[], [], []]);

    expect(await first!.steady()).toEqual([]);
    const { secrets, alarms, services, stacks } = await first!.status();
    expect({ secrets, services, stacks }).toEqual({
      secrets: before[0]!.secrets,
      services: before[0]!.services,
      stacks: before[0]!.stacks,
    });
    expect(alarms.map(({ name }) => name)).toEqual(before[0]!.alarms.map(({ name }) => name));
    expect((await accounts[0]!.tasks(accounts[0]!.names.serverService))[0]?.taskArn).toBe(task?.taskArn);
    const since = new Date();
    await first!.poll();
    await eventually(async () => (await accounts[0]!.metric("AgentCapacity", since)) || undefined, MINUTE);
  });
});
