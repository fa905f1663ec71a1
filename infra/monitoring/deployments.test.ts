import { ALARM_IDS, type AlarmId, type MetricName, stageNames } from "@dbward-aws/contract";
import { Duration } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import {
  type AlarmState,
  type Datum,
  statesOver,
  type TemplateAlarm,
} from "./test-support/alarm-evaluator.ts";
import { monitoredStage } from "./test-support/monitored-stage.ts";

const names = stageNames("prod");
const alarms = new Map(
  Object.values(
    Template.fromStack(
      monitoredStage({
        loadBalancer: true,
        applier: true,
        monitoring: { level: "full", rotateTokensAfter: Duration.days(90) },
      }).stack,
    ).findResources("AWS::CloudWatch::Alarm"),
  ).map(({ Properties }) => [Properties.AlarmName as string, Properties as TemplateAlarm]),
);

/** What happens in one minute: the values of its poll, and of the metrics that AWS publishes itself. */
interface Minute {
  /** @default - no poll */
  readonly polled?: Partial<Record<MetricName, number>>;
  /** Starts of the poller by its rule. @default 1 */
  readonly starts?: number;
  /** @default 0 */
  readonly unhealthyTargets?: number;
  /** Errors that the load balancer answers with. @default 0 */
  readonly errors?: number;
}

/** A server and two agents, all well. */
const WELL = {
  ServerReachable: 1,
  ServerReady: 1,
  ServerDraining: 0,
  TokenAccepted: 1,
  PollFailures: 0,
  PollerHindrances: 0,
  QueueDepth: 0,
  RequestsPending: 0,
  RequestsApproved: 0,
  RequestsRunning: 0,
  AgentsSaturated: 0,
  AgentsDraining: 0,
  AgentsOffline: 0,
  AgentsUnexpected: 0,
  AgentCapacity: 8,
  ServerTasksDesired: 1,
  ServerTasksRunning: 1,
  AgentTasksDesired: 2,
  AgentTasksRunning: 2,
  DeploymentsRunning: 0,
} as const satisfies Partial<Record<MetricName, number>>;

const well = (changes: Partial<Record<MetricName, number>> = {}): Minute => ({
  polled: { ...WELL, ...changes },
});
/** No answer of the server: what it would tell is missing. */
const unreachable = (changes: Partial<Record<MetricName, number>> = {}): Minute => {
  const { ServerTasksDesired, AgentTasksDesired, AgentTasksRunning, PollerHindrances } = WELL;
  const known = { ServerTasksDesired, AgentTasksDesired, AgentTasksRunning, PollerHindrances };
  return { polled: { ServerReachable: 0, PollFailures: 1, ServerTasksRunning: 0, ...known, ...changes } };
};
const times = (count: number, minute: Minute = well()): Minute[] =>
  Array.from({ length: count }, () => minute);

function recordingOf(story: readonly Minute[]): Datum[] {
  return story.flatMap(({ polled = {}, starts = 1, unhealthyTargets = 0, errors = 0 }, minute) => {
    const datum = (namespace: string, name: string, value: number, of?: string) => ({
      namespace,
      name,
      value,
      at: minute * 60 + 20,
      ...(of === undefined ? {} : { of }),
    });
    return [
      ...Object.entries(polled).map(([name, value]) => datum("Dbward", name, value)),
      ...(starts > 0 ? [datum("AWS/Events", "TriggeredRules", starts, "PollerEveryMinute")] : []),
      datum("AWS/ApplicationELB", "UnHealthyHostCount", unhealthyTargets),
      ...(errors > 0 ? [datum("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", errors)] : []),
    ];
  });
}

/** The states of an alarm at the end of each minute. */
function states(id: AlarmId, story: readonly Minute[], morePeriods?: number): AlarmState[] {
  return statesOver(alarms.get(names.alarm(id))!, recordingOf(story), story.length, morePeriods);
}

/** Alarms that are in alarm at any time of the story, the signal that a deployment runs aside. */
function ringing(story: readonly Minute[], morePeriods?: number): AlarmId[] {
  return ALARM_IDS.filter(
    (id) => id !== "deployment-running" && states(id, story, morePeriods).includes("ALARM"),
  );
}

/** Fifteen minutes before and after, so that no alarm is judged by the story's edges. */
const amidst = (...story: readonly Minute[]) => [...times(15), ...story, ...times(30)];

const SERVER_UPDATE: readonly Minute[] = [
  ...times(2, { ...well({ ServerDraining: 1, QueueDepth: 1, ServerTasksRunning: 0 }), unhealthyTargets: 1 }),
  ...times(3, { ...unreachable(), unhealthyTargets: 1, errors: 30 }),
  // The server is back, and its agents have not polled yet: first while ECS waits for the steady state, then right after.
  well({ AgentsOffline: 2, AgentCapacity: 0, QueueDepth: 1, ServerTasksRunning: 0 }),
  well({ AgentsOffline: 1, AgentCapacity: 4, QueueDepth: 1 }),
];
const AGENTS_UPDATE: readonly Minute[] = [
  well({ AgentTasksRunning: 3 }),
  // The row of one says `draining` until the new task's next poll, and a task that starts is missing.
  well({ AgentsDraining: 1, AgentCapacity: 4, AgentTasksRunning: 1 }),
  well({ AgentsDraining: 2, AgentCapacity: 0 }),
  well(),
];
const deploying = (story: readonly Minute[]) =>
  story.map(({ polled, ...rest }) => ({ ...rest, polled: { ...polled, DeploymentsRunning: 1 } }));

/** Each with the alarms that are raised unless it is known to be a deployment. */
const DEPLOYMENTS: Readonly<Record<string, readonly [story: readonly Minute[], otherwise: AlarmId[]]>> = {
  "an update of the server, away for three minutes": [
    SERVER_UPDATE,
    [
      "server-unreachable",
      "no-healthy-agent",
      "agents-offline",
      "tasks-missing",
      "alb-unhealthy-hosts",
      "alb-5xx",
    ],
  ],
  "an update of the agents": [AGENTS_UPDATE, ["no-healthy-agent"]],
};

describe("nothing rings", () => {
  const NEW_STAGE: Readonly<Record<string, readonly Minute[]>> = {
    "whose first poll comes at once": [...times(2, { starts: 0 }), ...deploying(times(2)), ...times(40)],
    "whose first poll is three minutes late": [
      ...times(5, { starts: 0 }),
      ...times(3, {}),
      ...deploying(times(2)),
      ...times(40),
    ],
    "whose agents are created after the poller": [
      ...times(2, { starts: 0 }),
      ...deploying(times(4, well({ AgentCapacity: 0, AgentTasksRunning: 0 }))),
      ...times(40),
    ],
    "whose rule is started for the first time after ten minutes": [...times(10, { starts: 0 }), ...times(40)],
  };
  // How far back CloudWatch looks is its own affair.
  it.each(
    Object.entries(NEW_STAGE).flatMap(([name, story]) =>
      [0, 2, 10].map((more) => [name, more, story] as const),
    ),
  )("at the first deployment of a stage %s (%i periods more)", (_name, more, story) => {
    expect(ringing(story, more)).toEqual([]);
    for (const id of ["poller-silent", "server-unreachable", "agents-offline"] as const)
      expect(states(id, story, more).at(-1)).toBe("OK");
  });

  it.each(Object.entries(DEPLOYMENTS))("during %s", (_name, [story, otherwise]) => {
    expect(ringing(amidst(...deploying(story)))).toEqual([]);
    expect(ringing(amidst(...story))).toEqual(otherwise);
  });

  it("but an agents' stack that fails at the first deployment is told once its services are overdue", () => {
    const without = well({ AgentCapacity: 0, AgentTasksRunning: 0 });
    const story = [...times(2, { starts: 0 }), ...deploying(times(5, without)), ...times(10, without)];
    expect(ringing(story)).toEqual(["no-healthy-agent", "tasks-missing"]);
  });

  it("while an agent is removed, and the poller learns of it a minute or two later", () => {
    const story = amidst(
      well({ AgentsDraining: 1, AgentCapacity: 4, AgentTasksDesired: 1, AgentTasksRunning: 1 }),
      ...times(3, well({ AgentCapacity: 4, AgentTasksRunning: 1 })),
      ...times(
        60,
        well({ AgentsUnexpected: 1, AgentCapacity: 4, AgentTasksDesired: 1, AgentTasksRunning: 1 }),
      ),
    );
    expect(ringing(story)).toEqual([]);
  });

  it("while the poller is updated, and one of its runs is lost", () => {
    expect(ringing(amidst({}, well(), {}, { starts: 0 }))).toEqual([]);
  });

  it("when polls slip over the minute, one way and the other", () => {
    const story = Array.from({ length: 40 }, (_, minute) => (minute % 2 === 0 ? well() : {}));
    expect(ringing(story)).toEqual([]);
  });

  it("because an approved request waits for its requester, until it has waited for an hour", () => {
    const story = [...times(15), ...times(50, well({ RequestsApproved: 1 }))];
    expect(ringing(story)).toEqual([]);
    expect(ringing([...story, ...times(20, well({ RequestsApproved: 1 }))])).toEqual(["resumes-stale"]);
  });
});

describe("what rings", () => {
  it("a request that nobody claims, before the server gives it back to its requester", () => {
    const story = amidst(...times(5, well({ QueueDepth: 1 })), ...times(90, well({ RequestsApproved: 1 })));
    expect(ringing(story)).toEqual(["queue-not-draining", "resumes-stale"]);
    // Dispatched in minute 15, which is the first that it is seen in; given back in minute 20.
    const first = states("queue-not-draining", story).indexOf("ALARM");
    expect(first).toBe(17);
  });

  it("a hanging deployment: it is no excuse after a quarter of an hour", () => {
    const story = amidst(...deploying(times(15, unreachable())), ...times(3, unreachable()));
    expect(states("server-unreachable", story).indexOf("ALARM")).toBe(30);
  });

  it.each([
    ["is never started to its end", [...times(2, { starts: 0 }), ...times(20, {})], 6],
    ["dies", [...times(10), ...times(20, {})], 14],
    ["is not started any more", [...times(10), ...times(90, { starts: 0 })], 14],
  ])("poller-silent, within five minutes, when the poller %s", (_name, story, by) => {
    for (const more of [0, 2, 10]) {
      const found = states("poller-silent", story, more);
      expect(found.indexOf("ALARM") + 1).toBeLessThanOrEqual(by);
      expect(found.at(-1)).toBe("ALARM");
    }
  });
});
