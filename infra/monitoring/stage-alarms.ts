import {
  type AlarmId,
  CAPTURE_EVENTS,
  hasAlarm,
  isAlarmOfTasks,
  notificationAlarmId,
  type StageNames,
} from "@dbward-aws/contract";
import { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as sns from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import { type AlarmDefinition, type MetricSource, sourcesOf } from "./alarm-definition.ts";
import { CAPTURE_FAILURES, CATALOGUE } from "./catalogue.ts";
import type { MetricSources } from "./metric-source.ts";
import type { MonitoredStage } from "./monitored-stage.ts";
import { hasRunbook, type RunbookLinks } from "./runbooks.ts";

export interface StageAlarmsProps
  extends Pick<MonitoredStage, "stage" | "names" | "level" | "capture" | "runbooks"> {
  readonly sources: MetricSources;
  /** The threshold of an alarm. */
  readonly threshold: (id: AlarmId) => number;
  /** Where the messages go. */
  readonly topic: sns.ITopic;
}

/**
 * For so long after an outage its consequences, which metrics with longer periods still show, are not reported.
 */
const AFTERMATH = Duration.minutes(3);

/**
 * The alarms of the catalogue, and three kinds of composite alarms over them:
 *
 * - `down`: the causes of an outage, reported as one.
 * - `quiet`: `down`, or a deployment: the time for which consequences are not reported.
 * - `<id>-notification`: one for each consequence, with `quiet` as its suppressor. The alarm `<id>` shows the
 *   actual state, and this one sends the messages.
 */
export class StageAlarms extends Construct {
  readonly down: cloudwatch.CompositeAlarm;
  readonly quiet: cloudwatch.CompositeAlarm;
  /**
   * Names of the alarms that send messages about tasks, polls and the load balancer; not those about the file
   * system and about deployments.
   */
  readonly notifyingOfTasks: readonly string[];
  /** Names of the alarms that keep their state for as long as the poller measures nothing. */
  readonly keptWithoutPolls: readonly string[];
  readonly #alarms = new Map<AlarmId, cloudwatch.Alarm>();
  readonly #notifyingOfTasks: string[] = [];
  readonly #action: SnsAction;
  readonly #stage: string;
  readonly #names: StageNames;
  readonly #runbooks: RunbookLinks;

  constructor(scope: Construct, id: string, props: StageAlarmsProps) {
    super(scope, id);
    const { sources, capture, threshold, topic } = props;
    this.#stage = props.stage;
    this.#names = props.names;
    this.#runbooks = props.runbooks;
    this.#action = new SnsAction(topic);
    if (hasAlarm(props.level, "capture-failed")) countFailedCaptures(this, sources, capture.logGroup);

    const rows = CATALOGUE.filter(({ id, signal }) => hasAlarm(props.level, id) && sources.has(signal));
    for (const row of rows) this.#alarms.set(row.id, this.#createAlarm(row, threshold(row.id), sources));

    const causes = rows.filter(({ notification }) => notification.kind === "down");
    this.down = this.#createComposite("down", {
      rule: anyOf(causes.map(({ id }) => this.alarm(id))),
      description: downDescription(causes, this.#runbooks),
    });
    this.#notifyOf(this.down, "down");
    this.quiet = this.#createComposite("quiet", {
      rule: anyOf([this.down, this.alarm("deployment-running")]),
      description:
        "dbward is down or being deployed: consequences of that are not reported. It notifies nobody itself.",
    });
    for (const row of rows) this.#createNotification(row);
    this.notifyingOfTasks = this.#notifyingOfTasks;
    this.keptWithoutPolls = rows
      .filter(({ missing, signal }) => missing === "ignore" && sourcesOf(signal).some(isPolled))
      .map(({ id }) => this.#names.alarm(id));
  }

  /** The alarms that this stage has, in the order of the catalogue. */
  get all(): readonly cloudwatch.Alarm[] {
    return [...this.#alarms.values()];
  }

  /** @throws Error when the stage has no such alarm */
  alarm(id: AlarmId): cloudwatch.Alarm {
    const alarm = this.#alarms.get(id);
    if (!alarm) throw new Error(`Stage ${this.#stage} has no alarm "${id}".`);
    return alarm;
  }

  #createAlarm(row: AlarmDefinition, threshold: number, sources: MetricSources): cloudwatch.Alarm {
    const alarm = new cloudwatch.Alarm(this, row.id, {
      alarmName: this.#names.alarm(row.id),
      alarmDescription: alarmDescription(row, this.#runbooks),
      metric: sources.signal(row.signal, row.title, Duration.seconds(row.periodSeconds)),
      comparisonOperator:
        row.breaches === "below"
          ? cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
          : cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold,
      datapointsToAlarm: row.datapoints[0],
      evaluationPeriods: row.datapoints[1],
      treatMissingData: MISSING_DATA[row.missing],
    });
    if (row.notification.kind === "direct") this.#notifyOf(alarm, row.id);
    return alarm;
  }

  #createNotification(row: AlarmDefinition): void {
    const { id, notification } = row;
    if (notification.kind !== "unless-quiet") return;
    const ownId = notificationAlarmId(id);
    const alarm = this.#createComposite(ownId, {
      rule: anyOf([this.alarm(id)]),
      description: alarmDescription(row, this.#runbooks),
      suppressor: this.quiet,
      wait: Duration.seconds(notification.waitSeconds),
    });
    this.#notifyOf(alarm, ownId);
  }

  #createComposite(
    id: string,
    options: {
      readonly rule: cloudwatch.IAlarmRule;
      readonly description: string;
      readonly suppressor?: cloudwatch.IAlarm;
      readonly wait?: Duration;
    },
  ): cloudwatch.CompositeAlarm {
    return new cloudwatch.CompositeAlarm(this, id, {
      compositeAlarmName: this.#names.alarm(id),
      alarmDescription: options.description,
      alarmRule: options.rule,
      ...(options.suppressor
        ? {
            actionsSuppressor: options.suppressor,
            actionsSuppressorWaitPeriod: options.wait,
            actionsSuppressorExtensionPeriod: AFTERMATH,
          }
        : {}),
    });
  }

  #notifyOf(alarm: cloudwatch.AlarmBase, id: string): void {
    if (isAlarmOfTasks(id)) this.#notifyingOfTasks.push(this.#names.alarm(id));
    alarm.addAlarmAction(this.#action);
    alarm.addOkAction(this.#action);
  }
}

function isPolled({ owner }: MetricSource): boolean {
  return owner === "stage";
}

const MISSING_DATA = {
  breaching: cloudwatch.TreatMissingData.BREACHING,
  notBreaching: cloudwatch.TreatMissingData.NOT_BREACHING,
  ignore: cloudwatch.TreatMissingData.IGNORE,
} as const;

function anyOf(alarms: readonly cloudwatch.IAlarm[]): cloudwatch.IAlarmRule {
  return cloudwatch.AlarmRule.anyOf(
    ...alarms.map((alarm) => cloudwatch.AlarmRule.fromAlarm(alarm, cloudwatch.AlarmState.ALARM)),
  );
}

/** What a receiver reads: cause, next step, where more is written. CloudWatch takes 1024 characters. */
function alarmDescription(
  { id, title, severity, meaning, firstStep }: AlarmDefinition,
  runbooks: RunbookLinks,
): string {
  const runbook = hasRunbook(id) ? `\nRunbook: ${runbooks.to(id)}` : "";
  return `${title} (${severity}). ${meaning}\n\nNext step: ${firstStep}${runbook}`;
}

function downDescription(causes: readonly AlarmDefinition[], runbooks: RunbookLinks): string {
  const lines = causes.map(
    ({ id, title, firstStep }) =>
      `- ${id}: ${title}. ${firstStep}${hasRunbook(id) ? ` ${runbooks.to(id)}` : ""}`,
  );
  return `dbward is down (critical). The reason names the alarm that says why:\n${lines.join("\n")}`;
}

/**
 * Feeds {@link CAPTURE_FAILURES}: a failure is a line of the capture function's log, and its answer to
 * CloudFormation.
 */
function countFailedCaptures(scope: Construct, sources: MetricSources, logGroup: logs.ILogGroup): void {
  new logs.MetricFilter(scope, "FailedCaptures", {
    logGroup,
    filterPattern: logs.FilterPattern.stringValue("$.event", "=", CAPTURE_EVENTS.failed),
    metricNamespace: CAPTURE_FAILURES.namespace,
    metricName: sources.metricName(CAPTURE_FAILURES),
    metricValue: "1",
    // A run without a failure counts as zero, so that the metric is there whenever the function runs.
    defaultValue: 0,
  });
}
