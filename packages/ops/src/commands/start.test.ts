import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Answers, Input } from "../test-support/aws-peer.ts";
import { CANARY, ops, withAws } from "../test-support/ops-run.ts";
import { mistakes } from "../test-support/preflight-run.ts";

const HOURS = { hours: { timeZone: "Europe/Berlin", start: "08:00", stop: "19:00" } } as const;
/** A Thursday. */
const NIGHT = new Date("2026-11-26T22:00:00Z");
const DAY = new Date("2026-11-26T10:00:00Z");

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: NIGHT }));
afterEach(() => void vi.useRealTimers());

/** A deployed stage with hours, in which services have these numbers of tasks. */
function stage(counts: Record<string, number>, more: Answers = {}): Answers {
  const service = (serviceName: string) => ({
    serviceName,
    status: "ACTIVE",
    desiredCount: counts[serviceName],
    runningCount: counts[serviceName],
    taskDefinition: `${serviceName}:3`,
    deployments: [{ id: "d1", status: "PRIMARY", rolloutState: "COMPLETED" }],
  });
  return {
    DescribeStacks: ({ StackName }) => ({
      Stacks: [
        {
          StackName,
          StackStatus: "UPDATE_COMPLETE",
          CreationTime: "2026-01-01T00:00:00Z",
          Outputs: [{ OutputKey: "PollerRuleName", OutputValue: "the-rule" }],
        },
      ],
    }),
    ListStackResources: ({ StackName }) => ({
      StackResourceSummaries: String(StackName).endsWith("Monitoring")
        ? [
            {
              ResourceType: "AWS::Scheduler::ScheduleGroup",
              LogicalResourceId: "Group",
              PhysicalResourceId: "dbward-prod",
              ResourceStatus: "CREATE_COMPLETE",
              LastUpdatedTimestamp: "2026-01-01T00:00:00Z",
            },
          ]
        : [],
    }),
    DescribeServices: ({ services }) => ({
      services: (services as string[]).filter((name) => name in counts).map(service),
    }),
    UpdateService: ({ service: name, desiredCount }) => {
      counts[String(name)] = Number(desiredCount);
      return { service: service(String(name)) };
    },
    ListTasks: ({ serviceName }) => ({
      taskArns: Array.from({ length: counts[String(serviceName)] ?? 0 }, (_, at) => `${serviceName}/${at}`),
    }),
    DescribeTasks: ({ tasks }) => ({
      tasks: (tasks as string[]).map((taskArn) => ({
        taskArn,
        lastStatus: "RUNNING",
        healthStatus: "HEALTHY",
      })),
    }),
    EnableRule: () => ({}),
    DisableRule: () => ({}),
    EnableAlarmActions: () => ({}),
    DisableAlarmActions: () => ({}),
    DescribeAlarmHistory: () => ({ AlarmHistoryItems: [] }),
    DescribeAlarms: () => ({
      MetricAlarms: [
        { AlarmName: "dbward-prod-poller-silent", StateValue: "ALARM", AlarmDescription: "Nothing." },
      ],
    }),
    GetMetricData: () => ({ MetricDataResults: [] }),
    DescribeSecret: () => ({ VersionIdsToStages: { v1: ["AWSCURRENT"] }, LastChangedDate: 1_780_000_000 }),
    GetSecretValue: () => ({ SecretString: CANARY }),
    ...more,
  };
}

const STOPPED = { server: 0, "agent-app": 0, "agent-reports": 0 };
const RUNNING = { server: 1, "agent-app": 1, "agent-reports": 1 };
const changing = (calls: readonly string[]) => calls.filter((call) => /^(Update|Enable|Disable)/.test(call));

describe("start", () => {
  it("starts the server, then agents, then messages, then the poller", async () => {
    const counts = { ...STOPPED };
    const named: Input[] = [];
    const { calls } = await withAws(
      stage(counts, {
        EnableAlarmActions: (input) => {
          named.push(input);
          return {};
        },
        EnableRule: (input) => {
          named.push(input);
          return {};
        },
      }),
    );
    const { code, out } = await ops("start --yes", HOURS);
    expect([code, out]).toEqual([0, expect.stringContaining("The stage stops again at 19:00.")]);
    expect(counts).toEqual(RUNNING);
    expect(changing(calls)).toEqual([
      "UpdateService",
      "UpdateService",
      "UpdateService",
      "EnableAlarmActions",
      "EnableRule",
    ]);
    expect(named[1]).toEqual({ Name: "the-rule" });
    expect(named[0]!.AlarmNames).toContain("dbward-prod-poller-silent");
    expect(named[0]!.AlarmNames).not.toContain("dbward-prod-efs-storage");
  });

  it("is for a stage with hours", async () => {
    await withAws(stage({ ...STOPPED }));
    const { code, err } = await ops("start --yes");
    expect([code, err]).toEqual([2, expect.stringContaining("Stage prod has no working hours.")]);
  });
});

describe("stop", () => {
  it("stops the poller and messages, then agents, then the server", async () => {
    const counts = { ...RUNNING };
    const updated: unknown[] = [];
    const answers = stage(counts);
    const { calls } = await withAws({
      ...answers,
      UpdateService: (input) => {
        updated.push(input.service);
        return answers.UpdateService!(input);
      },
    });
    const { code } = await ops("stop --yes", HOURS);
    expect(code).toBe(0);
    expect(counts).toEqual(STOPPED);
    expect(changing(calls).slice(0, 2)).toEqual(["DisableAlarmActions", "DisableRule"]);
    expect(updated).toEqual(["agent-reports", "agent-app", "server"]);
  });

  it("stops an agent again to which the last poll gave tasks", async () => {
    const counts: Record<string, number> = { ...RUNNING };
    const answers = stage(counts);
    let polls = 0;
    await withAws({
      ...answers,
      UpdateService: (input) => {
        const answer = answers.UpdateService!(input);
        if (input.service === "agent-app" && polls++ === 0) counts["agent-app"] = 3;
        return answer;
      },
    });
    expect((await ops("stop --yes", HOURS)).code).toBe(0);
    expect(counts).toEqual(STOPPED);
  });
});

describe("a stage that its hours have stopped", () => {
  it.each(["status", "doctor"])("is not a problem at night for %s", async (command) => {
    await withAws(stage({ ...STOPPED }));
    const { code, out } = await ops(command, HOURS);
    expect(out).toContain("Stage prod is stopped by its hours, MON to FRI 08:00-19:00 Europe/Berlin.");
    expect(out).toContain("pnpm ops start --stage prod");
    expect(out).not.toContain("is in ALARM");
    expect(code).toBe(0);
  });

  it.each(["status", "doctor"])("is a problem by day for %s", async (command) => {
    vi.setSystemTime(DAY);
    await withAws(stage({ ...STOPPED }));
    const { code, out } = await ops(command, HOURS);
    expect(out).toContain("Stage prod is stopped within its hours");
    expect(out).toContain("see their group dbward-prod");
    expect(code).toBe(1);
  });

  it("is given ten minutes to start", async () => {
    vi.setSystemTime(new Date("2026-11-26T07:09:00Z"));
    await withAws(stage({ ...STOPPED }));
    expect((await ops("status", HOURS)).code).toBe(0);
  });

  it.each([
    "restart server --yes",
    "upgrade 0.3.0 --yes",
    "tokens rotate app --yes",
    "tokens recapture",
    "tunnel",
    "shell",
    "run -- true",
    "restore rp-1 --yes",
    "with-server -- true",
    "backup --stop --yes",
    "config push server",
  ])("can't do `%s`, which says why and how to start it", async (line) => {
    const { calls } = await withAws(stage({ ...STOPPED }));
    const { code, err } = await ops(line, HOURS);
    expect(err).toContain(
      "Stage prod is stopped, and starts by itself: its hours are MON to FRI 08:00-19:00 Europe/Berlin.",
    );
    expect(err).toContain("Start it first: pnpm ops start --stage prod");
    expect(code).toBe(1);
    expect(changing(calls)).toEqual([]);
  });

  it("is not deployed, with or without hours in the settings", async () => {
    const own = ({ SecretId }: Input) =>
      /-url$/.test(String(SecretId)) ? { SecretString: "postgres://a:b@db/app" } : { SecretString: CANARY };
    const answers = (counts: Record<string, number>) => stage(counts, { GetSecretValue: own });
    expect((await mistakes(HOURS, answers({ ...STOPPED }))).join()).toContain(
      "Stage prod is stopped, and starts by itself: its hours are MON to FRI 08:00-19:00 Europe/Berlin. " +
        "Start it before you deploy: pnpm ops start --stage prod",
    );
    expect((await mistakes({}, answers({ ...STOPPED }))).join()).toContain("none of its services has a task");
    // As a restore leaves it for its deployment.
    const found = await mistakes(HOURS, answers({ ...RUNNING, server: 0 }));
    expect(found.filter((each) => each.includes("stopped"))).toEqual([]);
  });
});

it("says that alarms of a running stage are silent", async () => {
  await withAws(
    stage(RUNNING, {
      DescribeAlarms: () => ({
        MetricAlarms: [
          {
            AlarmName: "dbward-prod-poller-silent",
            StateValue: "OK",
            ActionsEnabled: false,
            AlarmActions: ["arn:aws:sns:eu-central-1:123456789012:topic"],
          },
        ],
      }),
    }),
  );
  const { out } = await ops("status", HOURS);
  expect(out).toContain(
    "Alarms send no messages: their actions are disabled.\n    dbward-prod-poller-silent",
  );
});
