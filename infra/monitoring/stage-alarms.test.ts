import { ALARM_IDS, type AlarmId, stageNames } from "@dbward-aws/contract";
import { Duration } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { alarmDefinition, CAPTURE_FAILURES, CATALOGUE } from "./catalogue.ts";
import { hasRunbook } from "./runbooks.ts";
import { type Datum, statesOver, type TemplateAlarm } from "./test-support/alarm-evaluator.ts";
import { monitoredStage } from "./test-support/monitored-stage.ts";

const names = stageNames("prod");
const template = Template.fromStack(
  monitoredStage({
    loadBalancer: true,
    applier: true,
    monitoring: { level: "full", rotateTokensAfter: Duration.days(90) },
  }).stack,
);
const alarms = Object.values(template.findResources("AWS::CloudWatch::Alarm")).map(
  ({ Properties }) => Properties as TemplateAlarm & { AlarmName: string },
);
const composites = Object.values(template.findResources("AWS::CloudWatch::CompositeAlarm")).map(
  ({ Properties }) => Properties,
);
const alarm = (id: AlarmId) => alarms.find(({ AlarmName }) => AlarmName === names.alarm(id))!;

/** A value a minute, from 20 seconds after the first full minute: as an EventBridge rule starts the poller. */
function everyMinute(namespace: string, name: string, values: readonly (number | undefined)[]): Datum[] {
  return values.flatMap((value, minute) =>
    value === undefined ? [] : [{ namespace, name, at: minute * 60 + 20, value }],
  );
}
const polled = (values: Readonly<Record<string, readonly (number | undefined)[]>>) =>
  Object.entries(values).flatMap(([name, own]) => everyMinute("Dbward", name, own));
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

interface Scene {
  /** What is well, then wrong, then well again. */
  readonly recording: readonly Datum[];
  /** Minutes after its start by which the trouble must show. */
  readonly firesBy: number;
  /** Minute in which the trouble starts. */
  readonly from: number;
  /** Minutes after the start of the recording by which it must be over. */
  readonly clearsBy: number;
}

/** A trouble of the poller's metrics from minute 5 on, for `length` minutes. */
function scene(
  length: number,
  well: Readonly<Record<string, number>>,
  wrong: Readonly<Record<string, number | undefined>>,
  firesWithin: number,
  clearsWithin: number,
): Scene {
  const values = Object.fromEntries(
    Object.keys(well).map((name) => [
      name,
      [
        ...times(5, well[name]),
        ...times(length, name in wrong ? wrong[name] : well[name]),
        ...times(40, well[name]),
      ],
    ]),
  );
  return { recording: polled(values), from: 5, firesBy: firesWithin, clearsBy: 5 + length + clearsWithin };
}

/** A trouble in a metric of AWS, a value a minute. */
function awsScene(
  id: AlarmId,
  length: number,
  values: readonly (readonly [name: string, well: number | undefined, wrong: number | undefined])[],
  firesWithin: number,
  clearsWithin: number,
): Scene {
  const definition = alarmDefinition(id);
  const [namespace] = new Set(
    "metric" in definition.signal
      ? [definition.signal.metric.namespace]
      : Object.values(definition.signal.metrics).map((metric) => metric.namespace),
  );
  const recording = values.flatMap(([name, well, wrong]) =>
    everyMinute(namespace!, name, [...times(15, well), ...times(length, wrong), ...times(60, well)]),
  );
  return { recording, from: 15, firesBy: firesWithin, clearsBy: 15 + length + clearsWithin };
}

/** A trouble that the check of one day finds, and that of the next day no more. */
function onceADay(name: string): Scene {
  const recording = [6, 6 + 24 * 60].map((minute, value) => ({
    namespace: "Dbward",
    name,
    at: minute * 60 + 20,
    value: 1 - value,
  }));
  return { recording, from: 6, firesBy: 60, clearsBy: 25 * 60 };
}

const QUIET = { DeploymentsRunning: 0 };
const SCENES: Readonly<Record<AlarmId, Scene>> = {
  "server-unreachable": scene(6, { ServerReachable: 1, ...QUIET }, { ServerReachable: 0 }, 1, 1),
  "server-not-ready": scene(6, { ServerReady: 1, ...QUIET }, { ServerReady: 0 }, 2, 1),
  "no-healthy-agent": scene(6, { AgentCapacity: 4, ...QUIET }, { AgentCapacity: 0 }, 1, 1),
  "agents-offline": scene(6, { AgentsOffline: 0, ...QUIET }, { AgentsOffline: 1 }, 1, 1),
  "agents-saturated": scene(15, { AgentsSaturated: 0 }, { AgentsSaturated: 1 }, 10, 3),
  "queue-not-draining": scene(
    8,
    { QueueDepth: 2, RequestsRunning: 2 },
    { QueueDepth: 2, RequestsRunning: 0 },
    3,
    3,
  ),
  "queue-growing": {
    recording: polled({ QueueDepth: [0, 1, 2, 1, 0, 6, 9, 13, 18, 18, 12, 4, 0, ...times(10, 0)] }),
    from: 5,
    firesBy: 2,
    clearsBy: 10,
  },
  "approvals-stale": scene(70, { RequestsPending: 0 }, { RequestsPending: 1 }, 65, 6),
  "resumes-stale": scene(70, { RequestsApproved: 0 }, { RequestsApproved: 1 }, 65, 6),
  "break-glass-used": {
    // One use, and later a restart of the server, which resets its counter.
    recording: polled({ BreakGlassUses: [...times(5, 0), ...times(20, 1), ...times(40, 0)] }),
    from: 5,
    firesBy: 1,
    clearsBy: 7,
  },
  "token-refused": scene(6, { TokenAccepted: 1 }, { TokenAccepted: 0 }, 2, 1),
  "stored-tokens-refused": onceADay("TokensRefused"),
  "token-rotation-overdue": onceADay("TokensOverdue"),
  "token-check-failing": {
    recording: everyMinute("AWS/Lambda", "Errors", [...times(15, undefined), 1]),
    from: 15,
    firesBy: 60,
    clearsBy: 120,
  },
  "poller-silent": scene(6, { ServerReachable: 1 }, { ServerReachable: undefined }, 4, 2),
  "poller-failing": awsScene("poller-failing", 6, [["Errors", 0, 1]], 3, 4),
  "apply-failing": awsScene("apply-failing", 20, [["Errors", 0, 1]], 15, 20),
  "poller-hindered": scene(6, { PollerHindrances: 0 }, { PollerHindrances: 1 }, 3, 4),
  "tasks-missing": scene(
    8,
    { ServerTasksDesired: 1, AgentTasksDesired: 2, ServerTasksRunning: 1, AgentTasksRunning: 2 },
    { AgentTasksRunning: 1 },
    5,
    2,
  ),
  "task-restarts": awsScene("task-restarts", 5, [["TriggeredRules", undefined, 1]], 15, 30),
  "server-cpu": awsScene("server-cpu", 30, [["CPUUtilization", 30, 97]], 15, 15),
  "server-memory": awsScene("server-memory", 10, [["MemoryUtilization", 40, 93]], 5, 5),
  "efs-throughput": awsScene(
    "efs-throughput",
    30,
    [
      ["MeteredIOBytes", 1e6, 60 * 95e6],
      ["PermittedThroughput", 100e6, 100e6],
    ],
    20,
    15,
  ),
  "efs-storage": awsScene("efs-storage", 30, [["StorageBytes", 1e9, 30e9]], 15, 30),
  "alb-unhealthy-hosts": awsScene("alb-unhealthy-hosts", 6, [["UnHealthyHostCount", 0, 1]], 3, 1),
  "alb-5xx": awsScene(
    "alb-5xx",
    6,
    [
      ["HTTPCode_Target_5XX_Count", undefined, 3],
      ["HTTPCode_ELB_5XX_Count", undefined, 1],
    ],
    5,
    10,
  ),
  "alb-latency": awsScene(
    "alb-latency",
    20,
    [
      ["TargetResponseTime", 0.1, 4],
      ["RequestCount", 10, 10],
    ],
    15,
    10,
  ),
  "capture-failed": {
    recording: [{ namespace: "Dbward", name: `${CAPTURE_FAILURES.name}-prod`, at: 16 * 60, value: 1 }],
    from: 15,
    firesBy: 5,
    clearsBy: 30,
  },
  "deployment-running": scene(4, { DeploymentsRunning: 0 }, { DeploymentsRunning: 1 }, 1, 1),
};

const LENGTH = 110;

describe("every alarm of the catalogue", () => {
  it("is in the template", () => {
    expect(alarms.map(({ AlarmName }) => AlarmName).sort()).toEqual(
      ALARM_IDS.map((id) => names.alarm(id)).sort(),
    );
    expect(CATALOGUE.map(({ id }) => id)).toEqual([...ALARM_IDS]);
  });

  it.each(ALARM_IDS)("%s fires in time, and clears", (id) => {
    const { recording, from, firesBy, clearsBy } = SCENES[id];
    const states = statesOver(alarm(id), recording, Math.max(LENGTH, clearsBy));
    const fired = states.indexOf("ALARM");
    // The state after minute n is states[n - 1].
    expect(fired + 1, states.join(" ")).toBeGreaterThan(from);
    expect(fired + 1).toBeLessThanOrEqual(from + firesBy);
    expect(states.slice(clearsBy - 1, 50)).not.toContain("ALARM");
    expect(states[clearsBy - 1]).toBe("OK");
  });

  it.each(["server-unreachable", "server-not-ready", "no-healthy-agent", "agents-offline"] as const)(
    "%s keeps silent while a deployment runs",
    (id) => {
      const { recording } = SCENES[id];
      const deploying = recording.map((datum) =>
        datum.name === "DeploymentsRunning" ? { ...datum, value: 1 } : datum,
      );
      expect(statesOver(alarm(id), deploying, 45)).not.toContain("ALARM");
    },
  );

  it.each(
    CATALOGUE.filter(({ signal }) =>
      ("metric" in signal ? [signal.metric] : Object.values(signal.metrics)).every(
        ({ owner }) => owner === "stage",
      ),
    ).map(({ id }) => id),
  )("%s neither fires nor clears for one missing datum", (id) => {
    const { recording, from, firesBy } = SCENES[id];
    const well = recording.filter(({ at }) => at < from * 60 || at >= (from + 60) * 60);
    const gap = well.filter(({ at }) => Math.floor(at / 60) !== 3);
    expect(statesOver(alarm(id), gap, from)).not.toContain("ALARM");
    if (alarm(id).TreatMissingData !== "ignore") return;
    const troubled = recording.filter(({ at }) => Math.floor(at / 60) !== from + firesBy);
    expect(statesOver(alarm(id), troubled, from + firesBy + 1).at(-1)).toBe("ALARM");
  });

  it("doesn't ring for slow answers where there are few", () => {
    const few = SCENES["alb-latency"].recording.map((datum) =>
      datum.name === "RequestCount" ? { ...datum, value: 3 } : datum,
    );
    expect(statesOver(alarm("alb-latency"), few, LENGTH)).not.toContain("ALARM");
  });

  it("tells of a dead server and of a lost agent within two minutes of the poll that sees it", () => {
    for (const id of ["server-unreachable", "no-healthy-agent", "agents-offline", "queue-growing"] as const)
      expect(SCENES[id].firesBy).toBeLessThanOrEqual(2);
  });
});

describe("who is told", () => {
  const composite = (id: string) => composites.find(({ AlarmName }) => AlarmName === names.alarm(id))!;

  it("tells of an outage once, with the causes in its rule", () => {
    expect(composite("down").AlarmActions).toHaveLength(1);
    const rule = JSON.stringify(composite("down").AlarmRule);
    for (const { id, notification } of CATALOGUE) {
      const logicalId = Object.entries(template.findResources("AWS::CloudWatch::Alarm")).find(
        ([, { Properties }]) => Properties.AlarmName === names.alarm(id),
      )![0];
      expect(rule.includes(logicalId)).toBe(notification.kind === "down");
    }
  });

  it("notifies of each alarm in exactly one way", () => {
    for (const { id, notification } of CATALOGUE) {
      const own = (alarm(id) as { AlarmActions?: unknown[] }).AlarmActions;
      expect(own?.length ?? 0, id).toBe(notification.kind === "direct" ? 1 : 0);
      const notifier = composite(`${id}-notification`);
      expect(notifier !== undefined, id).toBe(notification.kind === "unless-quiet");
      if (notification.kind !== "unless-quiet") continue;
      expect(notifier.AlarmActions).toHaveLength(1);
      expect(notifier.ActionsSuppressorWaitPeriod).toBe(notification.waitSeconds);
      expect(JSON.stringify(notifier.ActionsSuppressor)).toContain("quiet");
    }
  });

  it("says what it means, what to do and where more is written, in 1024 characters", () => {
    for (const { id, meaning, firstStep } of CATALOGUE) {
      const { AlarmDescription } = alarm(id) as unknown as { AlarmDescription: string };
      expect(AlarmDescription).toContain(meaning);
      expect(AlarmDescription).toContain(firstStep);
      expect(AlarmDescription.includes(`docs/runbooks/${id}.md`), id).toBe(hasRunbook(id));
    }
    for (const { AlarmDescription } of [...alarms, ...composites] as { AlarmDescription: string }[])
      expect(AlarmDescription.length).toBeLessThanOrEqual(1024);
  });
});

describe("a stage's own settings", () => {
  it("set thresholds by the alarm's name", () => {
    const own = Template.fromStack(
      monitoredStage({ monitoring: { level: "full", thresholds: { "queue-growing": 50 } } }).stack,
    );
    own.hasResourceProperties("AWS::CloudWatch::Alarm", {
      AlarmName: names.alarm("queue-growing"),
      Threshold: 50,
    });
    own.hasResourceProperties("AWS::CloudWatch::Alarm", {
      AlarmName: names.alarm("server-cpu"),
      Threshold: 85,
    });
  });

  it("are refused for an alarm that there is not, with the list of those there are", () => {
    expect(() => monitoredStage({ monitoring: { thresholds: { "queue-grows": 1 } } })).toThrow(
      /queue-grows.*queue-growing.*\[unknown-alarm\]/s,
    );
  });

  it("leave the load balancer's alarms out where there is none", () => {
    const without = Template.fromStack(monitoredStage({ monitoring: { level: "full" } }).stack);
    for (const id of ["alb-unhealthy-hosts", "alb-5xx", "alb-latency"])
      without.resourcePropertiesCountIs("AWS::CloudWatch::Alarm", { AlarmName: names.alarm(id) }, 0);
  });
});

it("counts the capture function's failures in its log", () => {
  template.hasResourceProperties("AWS::Logs::MetricFilter", {
    FilterPattern: '{ $.event = "capture.failed" }',
    MetricTransformations: [
      Match.objectLike({ MetricNamespace: "Dbward", MetricName: "CaptureFailures-prod", MetricValue: "1" }),
    ],
  });
});
