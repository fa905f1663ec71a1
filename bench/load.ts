import { METRICS_ROLE, METRICS_USER, POLLER_ENVIRONMENT } from "@dbward-aws/contract";
import { DbwardClient } from "@dbward-aws/dbward-client";
import { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { FakeAws, type Json } from "../functions/poll-agents/src/test-support/fake-aws.ts";
import {
  type Datum,
  statesOver,
  type TemplateAlarm,
} from "../infra/monitoring/test-support/alarm-evaluator.ts";
import { monitoredStage } from "../infra/monitoring/test-support/monitored-stage.ts";
import { bundle } from "./lib/bundles.ts";
import { DbwardServer } from "./lib/dbward-server.ts";
import { type Figure, figure, medianFigure, type Result, ratioFigure, type Size } from "./lib/figure.ts";
import { type LoadResult, runLoad } from "./lib/load.ts";
import { lookAtPage, type PageLook } from "./lib/page.ts";
import { runBundle } from "./lib/run-bundle.ts";
import { median, quantile } from "./lib/statistics.ts";

/** Of an agent in the shipped configuration. */
const POLL_MS = 1_000;
/** Share of a task's processor and memory at which the alarms `server-cpu` and `server-memory` go off. */
const ALARM_SHARE = 0.85;

/** The load that the product is to bear, and a small one. */
const LOADS = {
  full: { agents: 100, perMinute: 10_000, seconds: 60 },
  quick: { agents: 5, perMinute: 600, seconds: 2 },
} as const;

/**
 * A server with the processor of its task under the load of 100 agents and 10,000 requests a minute, with the
 * poller beside it; and what the stage's alarms make of the polls, one of which stands for a minute.
 */
export async function measureLoad(size: Size): Promise<Result> {
  const { agents, perMinute, seconds } = LOADS[size];
  const task = serverTask();
  const environments = Array.from({ length: agents }, (_, index) => `env-${index}`);
  const server = await DbwardServer.start(environments, task.vcpus);
  const client = new DbwardClient({ url: server.url });
  try {
    const token = server.adminToken;
    const metrics = await client.createUser({ id: METRICS_USER, roles: [METRICS_ROLE] }, { token });
    const made = [];
    for (const environment of environments)
      made.push({
        environment,
        token: (await client.createAgentToken(`agent-${environment}`, "load", { token })).token,
      });
    const load = { url: server.url, requester: token, agents: made, pollMs: POLL_MS };
    // All agents have polled, and nothing waits.
    await runLoad({ ...load, perMinute: 60, seconds: 2 });
    const idle = await poll(server.url, metrics.token, environments, 10);
    const before = server.processorSeconds;
    const [result, busy] = await Promise.all([
      runLoad({ ...load, perMinute, seconds }),
      poll(server.url, metrics.token, environments, seconds),
    ]);
    const used = server.processorSeconds - before;
    // At the wanted rate, also where this machine is too busy to reach it.
    const vcpus = (used / result.executed) * (perMinute / 60);
    const left = (await client.counts({ token })).requests;
    return {
      benchmark: "load",
      figures: [
        ...loadFigures(result, perMinute),
        figure("requests left at the end", left.dispatched + left.running, "", { atMost: 0 }),
        figure("server: processor time of a request", (1000 * used) / result.executed, "ms"),
        figure("server: processors for this load", vcpus, ""),
        figure("server: processors for this load / those of its task", vcpus / task.vcpus, "", {
          atMost: ALARM_SHARE,
        }),
        figure("server: peak memory", server.peakMemoryMB, "MB"),
        figure("server: peak memory / that of its task", server.peakMemoryMB / task.memoryMB, "", {
          atMost: ALARM_SHARE,
        }),
        ...pollFigures(idle, busy),
        ...(await pageFigures(agents, size)),
      ],
      remarks: [
        server.isReal ? "dbward's own server." : "the stand-in, which keeps its state in one JSON file.",
        ...(server.isLimited ? [] : ["the server had all of this machine's processors."]),
      ],
    };
  } finally {
    client.close();
    await server.close();
  }
}

function loadFigures(result: LoadResult, perMinute: number): Figure[] {
  const { made, executed, failed, createMs, executeMs, seconds } = result;
  return [
    figure("requests executed in a minute / wanted", (executed * 60) / seconds / perMinute, "", {
      atLeast: 0.95,
    }),
    figure("requests executed / made", executed / made, "", { atLeast: 1 }),
    figure("calls that failed", failed, "", { atMost: 0 }),
    medianFigure("a new request", createMs, "ms"),
    figure("a new request, 99 of 100", quantile(createMs, 0.99), "ms"),
    medianFigure(
      "from a request to its result / interval of polls",
      executeMs.map((each) => each / POLL_MS),
      "",
    ),
    figure(
      "from a request to its result, 99 of 100 / interval of polls",
      quantile(executeMs, 0.99) / POLL_MS,
      "",
      {
        atMost: 2,
      },
    ),
  ];
}

function pollFigures(idle: Polls, busy: Polls): Figure[] {
  return [
    medianFigure("poll without load", idle.durations, "ms"),
    medianFigure("poll under load", busy.durations, "ms"),
    figure("poll under load / without", median(busy.durations) / median(idle.durations), ""),
    figure("longest poll under load", Math.max(...busy.durations), "ms", { atMost: 10_000 }),
    figure("polls that found the server / all", busy.reachable / busy.durations.length, "", { atLeast: 1 }),
    figure("deepest queue that a poll found", busy.deepest, ""),
    figure("alarms that ring", ringing(busy.recording, busy.durations.length).length, "", { atMost: 0 }),
  ];
}

/** What the page shows comes from AWS: the number of agents matters, and that of requests doesn't. */
async function pageFigures(agents: number, size: Size): Promise<Figure[]> {
  const looks = size === "quick" ? 1 : 20;
  // Alternately: what slows the machine down for a while is in both.
  const [many, one]: [PageLook[], PageLook[]] = [[], []];
  for (let look = 0; look < looks; look++) {
    many.push(await lookAtPage(agents));
    one.push(await lookAtPage(1));
  }
  const ms = (all: readonly PageLook[]) => all.map((look) => look.ms);
  return [
    medianFigure(`page: state of ${agents} agents`, ms(many), "ms", { atMost: 15_000 }),
    figure(`page: AWS calls for ${agents} agents`, many[0]!.calls, ""),
    ratioFigure(`page: state of ${agents} agents / of one`, ms(many), ms(one)),
  ];
}

interface Polls {
  /** Milliseconds of each poll but the first, which loads the token. */
  readonly durations: readonly number[];
  readonly reachable: number;
  readonly deepest: number;
  /** What was published, with the times of a poll a minute. */
  readonly recording: readonly Datum[];
}

/** Polls once a second, by the function's bundle. */
async function poll(url: string, token: string, agents: readonly string[], count: number): Promise<Polls> {
  const service = (serviceName: string) => ({
    serviceName,
    desiredCount: 1,
    runningCount: 1,
    deployments: [],
  });
  const aws = await FakeAws.start({
    GetSecretValue: () => ({ body: { SecretString: token } }),
    DescribeServices: ({ services }) => ({ body: { services: services.map(service) } }),
    PutMetricData: () => ({ body: {} }),
  });
  try {
    const { durations } = await runBundle(bundle("poll-agents"), {
      calls: count + 1,
      intervalMs: 1_000,
      environment: {
        AWS_ENDPOINT_URL: aws.client.endpoint,
        [POLLER_ENVIRONMENT.serverUrl]: url,
        [POLLER_ENVIRONMENT.cluster]: "dbward-bench",
        [POLLER_ENVIRONMENT.serverService]: "server",
        [POLLER_ENVIRONMENT.agentServicePrefix]: "agent-",
        [POLLER_ENVIRONMENT.level]: "full",
        [POLLER_ENVIRONMENT.agents]: agents.map((name) => `agent-${name}:1`).join(","),
      },
    });
    const recording = aws.of("PutMetricData").flatMap((input, minute) => data(input, minute));
    const values = (name: string) =>
      recording.filter((datum) => datum.name === name).map(({ value }) => value);
    return {
      durations: durations.slice(1),
      reachable: values("ServerReachable").filter((value) => value === 1).length - 1,
      deepest: Math.max(...values("QueueDepth")),
      recording,
    };
  } finally {
    await aws.close();
  }
}

/** The data of a call of PutMetricData that have one value. */
function data({ Namespace, MetricData }: Json, minute: number): Datum[] {
  return (MetricData as Json[]).flatMap(({ MetricName, Value }) =>
    Value === undefined
      ? []
      : [{ namespace: Namespace, name: MetricName, at: minute * 60 + 20, value: Value }],
  );
}

/** The alarms of a stage that is closely watched. */
const { app, stack: monitoring } = monitoredStage({ monitoring: { level: "full" } });
const [below] = app.node.children.filter((child) => Stack.isStack(child) && child !== monitoring);

/** Ids of the alarms that go off in a recording. */
function ringing(recording: readonly Datum[], minutes: number): string[] {
  return Object.entries(Template.fromStack(monitoring).findResources("AWS::CloudWatch::Alarm"))
    .filter(([, { Properties }]) =>
      statesOver(Properties as TemplateAlarm, recording, minutes).includes("ALARM"),
    )
    .map(([id]) => id);
}

/** The size of the server's task: as the construct makes it, or with the CPU units in `DBWARD_SERVER_CPU`. */
function serverTask(): { readonly vcpus: number; readonly memoryMB: number } {
  const [task] = Object.values(Template.fromStack(below as Stack).findResources("AWS::ECS::TaskDefinition"));
  const { Cpu, Memory } = task!.Properties;
  return { vcpus: Number(process.env.DBWARD_SERVER_CPU ?? Cpu) / 1024, memoryMB: Number(Memory) };
}
