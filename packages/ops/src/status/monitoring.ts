import { GetMetricDataCommand, paginateDescribeAlarms } from "@aws-sdk/client-cloudwatch";
import {
  type AlarmId,
  type CompositeAlarmId,
  isAlarmOfStage,
  METRIC_NAMESPACE,
  METRICS,
  type MetricName,
  STAGE_DIMENSION,
} from "@dbward-aws/contract";
import { during } from "../aws-error.ts";
import type { CommandContext } from "../command.ts";
import { everyItem } from "../pages.ts";
import type { StatusLine } from "./stage-status.ts";

/** Alarms that say what is going on, so that others keep quiet; nothing is wrong when they ring. */
const SIGNALS: readonly (AlarmId | CompositeAlarmId)[] = ["deployment-running", "quiet"];

/** The stage's alarms; one that rings is a problem, unless it is a signal. */
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
  const signals = SIGNALS.map((id) => names.alarm(id));
  return [...composites!, ...metrics!]
    .filter(({ AlarmName = "" }) => isAlarmOfStage(names, AlarmName))
    .map(({ AlarmName = "", StateValue = "", AlarmDescription }) => ({
      name: AlarmName,
      state: StateValue,
      ...(StateValue === "ALARM" &&
        !signals.includes(AlarmName) && {
          problem: {
            message: `Alarm ${AlarmName}${AlarmDescription ? `: ${AlarmDescription}` : ""}`,
            link: links.alarm(AlarmName),
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
  const values = SHOWN.map((_, index) => MetricDataResults.find(({ Id }) => Id === `m${index}`)?.Values?.[0]);
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
