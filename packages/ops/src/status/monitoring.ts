import {
  GetMetricDataCommand,
  type MetricDataResult,
  paginateDescribeAlarms,
} from "@aws-sdk/client-cloudwatch";
import {
  isAlarmOfStage,
  isTellerAlarm,
  METRIC_NAMESPACE,
  METRICS,
  type MetricName,
  problemAlarms,
  STAGE_DIMENSION,
} from "@dbward-aws/contract";
import { during } from "../aws-error.ts";
import type { CommandContext } from "../command.ts";
import { everyItem } from "../pages.ts";
import type { StatusLine } from "./stage-status.ts";

/** The stage's alarms without those that only tell of another one; each problem is on one of them. */
export async function alarmLines({ clients, names, links }: CommandContext): Promise<StatusLine[]> {
  const pages = paginateDescribeAlarms(
    { client: clients.cloudWatch },
    { AlarmNamePrefix: names.alarm(""), AlarmTypes: ["MetricAlarm", "CompositeAlarm"] },
  );
  const [composites, metrics] = await during(
    "Looking up the alarms",
    everyItem(pages, ({ CompositeAlarms, MetricAlarms }) => [{ CompositeAlarms, MetricAlarms }]).then(
      (all) => [
        all.flatMap(({ CompositeAlarms = [] }) => CompositeAlarms),
        all.flatMap(({ MetricAlarms = [] }) => MetricAlarms),
      ],
    ),
  );
  const alarms = [...composites!, ...metrics!].map(
    ({ AlarmName = "", StateValue = "", AlarmDescription }) => ({
      name: AlarmName,
      state: StateValue,
      description: AlarmDescription,
    }),
  );
  const own = alarms.filter(({ name }) => isAlarmOfStage(names, name) && !isTellerAlarm(names, name));
  const problems = new Set(problemAlarms(names, own));
  return own.map((alarm) => ({
    name: alarm.name,
    state: alarm.state,
    ...(problems.has(alarm) && {
      problem: {
        message: `Alarm ${alarm.name}${alarm.description ? `: ${alarm.description}` : ""}`,
        link: links.alarm(alarm.name),
      },
    }),
  }));
}

/** What an operator looks at first. */
const SHOWN = [
  "ServerReachable",
  "QueueDepth",
  "RequestsPending",
  "RequestsApproved",
  "RequestsRunning",
  "AgentsHealthy",
  "AgentsOffline",
] as const;

/** A value older than this says nothing of now; the poller runs every minute. */
const RECENT_MS = 5 * 60_000;

/** The last values that the poller published. */
export async function metricLines(
  { clients, settings, names, links }: CommandContext,
  now = new Date(),
): Promise<StatusLine[]> {
  const { MetricDataResults = [] } = await during(
    "Reading the metrics",
    clients.cloudWatch.send(
      new GetMetricDataCommand({
        StartTime: new Date(now.getTime() - RECENT_MS),
        EndTime: now,
        ScanBy: "TimestampDescending",
        MetricDataQueries: SHOWN.map((name, index) => ({
          Id: `m${index}`,
          MetricStat: {
            Metric: {
              Namespace: METRIC_NAMESPACE,
              MetricName: name,
              Dimensions: [{ Name: STAGE_DIMENSION, Value: settings.stage }],
            },
            Period: 60,
            Stat: METRICS[name satisfies MetricName].statistic,
          },
        })),
      }),
    ),
  );
  const values = SHOWN.map((_, index) => newestValue(MetricDataResults.find(({ Id }) => Id === `m${index}`)));
  if (values.every((value) => value === undefined))
    return [
      {
        name: "poller",
        state: "silent",
        problem: {
          message:
            "The poller has published nothing for 5 minutes: see its function's log, or wait when it is new",
          link: links.logGroup(`/aws/lambda/${names.pollerFunction}`),
        },
      },
    ];
  return SHOWN.map((name, index) => ({
    name,
    state: values[index] === undefined ? "no value" : String(values[index]),
  }));
}

/** The value with the latest time, whatever order the answer has. */
function newestValue({ Timestamps = [], Values = [] }: MetricDataResult = {}): number | undefined {
  const times = Timestamps.map((time) => time.getTime());
  return Values[times.indexOf(Math.max(...times))];
}
