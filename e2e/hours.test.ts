import { join } from "node:path";
import { DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import { DescribeRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { STACK_OUTPUTS, stageNames } from "@dbward-aws/contract";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { documented } from "./support/documented.ts";
import { ops } from "./support/run-command.ts";
import { fire, type ScheduledCall, scheduledCalls } from "./support/scheduled-calls.ts";
import { startStory } from "./support/start-story.ts";

const DIRECTORY = join(import.meta.dirname, "../.local", "e2e-hours");
const MINUTE = 60_000;
const { scheduleGroup, serverService, agentService, alarm, adminTokenSecret, stack } = stageNames("local");
const AGENT = agentService("app");

/** One night and one morning; each test builds on the ones before it. */
describe.sequential("a stage with working hours", () => {
  let stage: LocalStage;
  let account: Account;
  let events: EventBridgeClient;
  let calls: ScheduledCall[];
  let adminToken: string;

  beforeAll(async () => {
    stage = await startStory(DIRECTORY, "hours.config.ts");
    account = new Account(stage);
    events = new EventBridgeClient(stage.clientConfig());
  }, 10 * MINUTE);
  afterAll(async () => {
    events?.destroy();
    account?.close();
    await stage?.close();
  }, MINUTE);

  const run = (...words: string[]) => ops(stage, stage.view, ...words);
  const tasks = async () =>
    Promise.all(
      [serverService, AGENT].map(async (name) => {
        const { desiredCount, runningCount } = await account.service(name);
        return [desiredCount, runningCount];
      }),
    );
  const settled = (count: number) =>
    eventually(async () => (await tasks()).flat().every((each) => each === count) || undefined, 5 * MINUTE);
  const pollerRule = async () => {
    const { [STACK_OUTPUTS.pollerRule]: Name } = await account.outputs(stack("Monitoring"));
    return (await events.send(new DescribeRuleCommand({ Name }))).State;
  };
  const alarmSends = async (id: string) => {
    const AlarmNames = [alarm(id)];
    const { MetricAlarms = [] } = await account.cloudWatch.send(new DescribeAlarmsCommand({ AlarmNames }));
    return MetricAlarms[0]!.ActionsEnabled;
  };

  it("is deployed for the first time outside of them, with its tokens", {
    timeout: 10 * MINUTE,
  }, async () => {
    await stage.deploy();
    expect(await stage.steady()).toEqual([]);
    adminToken = await account.secret(adminTokenSecret);
    expect(adminToken).toMatch(/^dbw_/);
    calls = await scheduledCalls(stage, scheduleGroup);
  });

  it("stops by its schedules, with the rights of their role", { timeout: 6 * MINUTE }, async () => {
    const evening = calls.filter(({ days }) => days === "*");
    expect(evening.map(({ at }) => at)).toEqual(expect.arrayContaining(["19:00", "19:02", "19:06", "19:30"]));
    for (const call of evening) await fire(stage, scheduleGroup, call);
    await settled(0);
    expect(await pollerRule()).toBe("DISABLED");
    expect(await alarmSends("poller-silent")).toBe(false);
  });

  it("is refused a call that its schedules don't make", { timeout: MINUTE }, async () => {
    const [call] = calls.filter(({ api }) => api === "eventbridge:disableRule");
    await expect(fire(stage, scheduleGroup, { ...call!, input: { Name: "another-rule" } })).rejects.toThrow(
      /not authorized to perform: events:DisableRule/,
    );
    await expect(fire(stage, "another-group", call!)).rejects.toThrow(/does not trust/);
  });

  it("says that it is stopped, and how to start it", { timeout: 3 * MINUTE }, async () => {
    const { exitCode, stdout } = await run(...documented("pnpm ops status --stage prod"));
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining("Stage local is stopped by its hours")]);
    const { stderr } = await run("restart", "server", "--yes");
    expect(stderr).toContain("Start it first: pnpm ops start --stage local");
    await expect(stage.deploy()).rejects.toThrow(/Start it before you deploy: pnpm ops start --stage local/);
    expect((await tasks()).flat()).toEqual([0, 0, 0, 0]);
  });

  it("starts by its schedules, with the tokens that it had", { timeout: 6 * MINUTE }, async () => {
    const morning = calls.filter(({ days }) => days !== "*");
    expect(morning.map(({ at }) => at)).toEqual(["08:00", "08:03", "08:08", "08:10"]);
    for (const call of morning) await fire(stage, scheduleGroup, call);
    expect(await stage.steady()).toEqual([]);
    await settled(1);
    expect(await pollerRule()).toBe("ENABLED");
    expect(await alarmSends("poller-silent")).toBe(true);
    expect((await account.secret(adminTokenSecret)) === adminToken, "the token stays").toBe(true);
  });

  it("stops and starts by hand", { timeout: 10 * MINUTE }, async () => {
    expect(await run(...documented("pnpm ops stop --stage dev"), "--yes")).toMatchObject({ exitCode: 0 });
    await settled(0);
    expect(await pollerRule()).toBe("DISABLED");
    expect(await run(...documented("pnpm ops start --stage dev"), "--yes")).toMatchObject({ exitCode: 0 });
    await settled(1);
    expect(await pollerRule()).toBe("ENABLED");
    expect(await alarmSends("poller-silent")).toBe(true);
  });
});
