import { type AlarmId, CAPTURE_EVENTS, stageNames, tellerAlarmId } from "@dbward-aws/contract";
import type { MonitoringSettings } from "@dbward-aws/settings";
import { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as sns from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import type { AlarmDefinition } from "./alarm-definition.ts";
import { CAPTURE_FAILURES, CATALOGUE } from "./catalogue.ts";
import type { MetricSources } from "./metric-source.ts";
import type { MonitoredStage } from "./monitored-stage.ts";
import { runbookLink } from "./runbook-link.ts";
import { resolveThresholds } from "./thresholds.ts";

export interface StageAlarmsProps extends Pick<MonitoredStage, "settings" | "capture"> {
  readonly sources: MetricSources;
  /** Who is told. */
  readonly topic: sns.ITopic;
}

/**
 * After an outage its consequences are still seen for a while, by metrics with longer periods: so long they stay
 * untold.
 */
const AFTERMATH = Duration.minutes(3);

/**
 * The alarms of the catalogue, and three kinds of composite alarms over them:
 *
 * - `down`: the causes of an outage, told as one.
 * - `quiet`: `down`, or a deployment: the time for which consequences are not told.
 * - `<id>-told`: one for each consequence, with `quiet` as its suppressor. The alarm below shows the state as it is; this
 *   one tells it.
 */
export class StageAlarms extends Construct {
  readonly down: cloudwatch.CompositeAlarm;
  readonly quiet: cloudwatch.CompositeAlarm;
  readonly #alarms = new Map<AlarmId, cloudwatch.Alarm>();
  readonly #notify: SnsAction;
  readonly #stage: string;
  readonly #monitoring: MonitoringSettings;

  /** @throws `UnknownAlarm` when the settings name a threshold for an alarm that is not in the catalogue */
  constructor(scope: Construct, id: string, props: StageAlarmsProps) {
    super(scope, id);
    const { settings, sources, capture, topic } = props;
    const threshold = resolveThresholds(settings.monitoring.thresholds);
    this.#stage = settings.stage;
    this.#monitoring = settings.monitoring;
    this.#notify = new SnsAction(topic);
    countFailedCaptures(this, sources, capture.logGroup);

    const rows = CATALOGUE.filter(({ signal }) => sources.has(signal));
    for (const row of rows) this.#alarms.set(row.id, this.#createAlarm(row, threshold(row.id), sources));

    const causes = rows.filter(({ notification }) => notification.kind === "down");
    this.down = this.#createComposite("down", {
      rule: anyOf(causes.map(({ id }) => this.alarm(id))),
      description: downDescription(causes, settings.monitoring),
    });
    this.#tell(this.down);
    this.quiet = this.#createComposite("quiet", {
      rule: anyOf([this.down, this.alarm("deployment-running")]),
      description:
        "dbward is down or being deployed: consequences of that are not told. Tells nobody itself.",
    });
    for (const row of rows) this.#createTeller(row);
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
      alarmName: stageNames(this.#stage).alarm(row.id),
      alarmDescription: alarmDescription(row, this.#monitoring),
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
    if (row.notification.kind === "direct") this.#tell(alarm);
    return alarm;
  }

  #createTeller(row: AlarmDefinition): void {
    const { id, notification } = row;
    if (notification.kind !== "unless-quiet") return;
    const teller = this.#createComposite(tellerAlarmId(id), {
      rule: anyOf([this.alarm(id)]),
      description: alarmDescription(row, this.#monitoring),
      suppressor: this.quiet,
      wait: Duration.seconds(notification.waitSeconds),
    });
    this.#tell(teller);
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
      compositeAlarmName: stageNames(this.#stage).alarm(id),
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

  #tell(alarm: cloudwatch.AlarmBase): void {
    alarm.addAlarmAction(this.#notify);
    alarm.addOkAction(this.#notify);
  }
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
  monitoring: MonitoringSettings,
): string {
  return `${title} (${severity}). ${meaning}\n\nNext step: ${firstStep}\nRunbook: ${runbookLink(id, monitoring)}`;
}

function downDescription(causes: readonly AlarmDefinition[], monitoring: MonitoringSettings): string {
  const lines = causes.map(
    ({ id, title, firstStep }) => `- ${id}: ${title}. ${firstStep} ${runbookLink(id, monitoring)}`,
  );
  return `dbward is down (critical). The reason names the alarm that says why:\n${lines.join("\n")}`;
}

/** Feeds {@link CAPTURE_FAILURES}: a failure is a line of the capture function's log, and its answer to CloudFormation. */
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
