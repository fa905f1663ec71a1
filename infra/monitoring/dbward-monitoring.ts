import {
  type AlarmId,
  type MonitoringLevel,
  POLLER_LIMITS,
  type Publisher,
  stageNames,
} from "@dbward-aws/contract";
import type { Duration } from "aws-cdk-lib";
import type * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type * as kms from "aws-cdk-lib/aws-kms";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import type * as sns from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import type { ConfigApplier } from "../apply/config-applier.ts";
import type { TokenCapture } from "../capture/token-capture.ts";
import { PropProblems } from "../prop-problems.ts";
import type { DbwardServer } from "../server/dbward-server.ts";
import { AlarmTopic } from "./alarm-topic.ts";
import { BackupEventRule } from "./backup-event-rule.ts";
import { EcsEventRules } from "./ecs-event-rules.ts";
import { MetricSources } from "./metric-source.ts";
import type { MonitoredAgent, MonitoredStage } from "./monitored-stage.ts";
import { QueueDepthPoller } from "./queue-depth-poller.ts";
import type { Receiver } from "./receiver.ts";
import { RunbookLinks } from "./runbooks.ts";
import { StageAlarms } from "./stage-alarms.ts";
import { StageDashboard } from "./stage-dashboard.ts";
import { resolveThresholds } from "./thresholds.ts";
import { TokenChecker } from "./token-checker.ts";

export interface DbwardMonitoringProps {
  readonly server: DbwardServer;
  /** The agents that should be there. */
  readonly agents: readonly MonitoredAgent[];
  /** The capture, which has the poller's token and is watched itself. */
  readonly capture: TokenCapture;
  /** The function that takes changed values to the tasks: it is watched, and tells the receivers. @default - none */
  readonly applier?: ConfigApplier;
  /** Who gets the messages about alarms. @default - nobody; others can subscribe to `topic` */
  readonly receivers?: readonly Receiver[];
  /**
   * An existing standard topic for the messages, in the stage's account and region. The policy of a topic that
   * is made in the same app gets the statements that it needs; that of an imported one must have them
   * (`topicPolicyStatements` of `@dbward-aws/contract`), as must that of a topic's customer managed key
   * (`topicStatements`). Import a topic that is encrypted with such a key by `fromTopicAttributes`, with `keyArn`.
   * @default - a new one, which is encrypted
   */
  readonly topic?: sns.ITopic;
  /**
   * Thresholds in place of those of the catalogue, by the id of the alarm.
   * @default - those of the catalogue
   */
  readonly thresholds?: Readonly<Record<string, number>>;
  /**
   * Which alarms and metrics there are: those that report an outage (`essential`), or also those that warn
   * before one and help to find its cause (`full`).
   * @default "essential"
   */
  readonly level?: MonitoringLevel;
  /**
   * How the poller hands over what it measures: by `PutMetricData` (`api`), or by log lines in embedded
   * metric format (`emf`).
   * @default "api"
   */
  readonly publisher?: Publisher;
  /** Age, in whole days, at which the captured tokens are replaced. @default - they are checked only */
  readonly rotateTokensAfter?: Duration;
  /** How many agents get metrics of their own, 0 to 50; three metrics each. @default 0 */
  readonly perAgentMetrics?: number;
  /**
   * Where the runbooks are published; `/<id>.md` is put behind it.
   * @default - the files of this repository
   */
  readonly runbooksUrl?: string;
  /** Processor of the poller. @default lambda.Architecture.ARM_64 - a fifth cheaper than X86_64 */
  readonly architecture?: lambda.Architecture;
  /**
   * IPv4 blocks of the VPC. They may use the VPC endpoints that the poller needs where tasks have public
   * addresses.
   * @default - the block that the VPC knows
   */
  readonly vpcCidrs?: readonly string[];
  /**
   * Customer managed key of the poller's log and a new topic, and of the metrics token. CloudWatch Logs must be
   * allowed to use it, and whoever publishes to the topic (`topicStatements` of `@dbward-aws/contract`).
   * @default - keys of AWS, and for a new topic a key of its own
   */
  readonly encryptionKey?: kms.IKey;
}

/**
 * What watches a stage: the poller, which asks the server once a minute for its queue and its agents, the
 * check of the tokens, alarms,
 * a topic, and a dashboard. It holds no data, and can be removed and created at any time.
 */
export class DbwardMonitoring extends Construct {
  readonly poller: QueueDepthPoller;
  readonly tokenChecker: TokenChecker;
  /** Topic of all alarms. */
  readonly topic: sns.ITopic;
  readonly alarms: StageAlarms;
  readonly dashboard: cloudwatch.Dashboard;
  /** Page of the dashboard in the console. */
  readonly dashboardUrl: string;

  /**
   * @throws UnknownAlarm when `thresholds` names an alarm that is not in the catalogue
   * @throws InvalidPropsError when other props can't be deployed
   */
  constructor(scope: Construct, id: string, props: DbwardMonitoringProps) {
    super(scope, id);
    const { server, agents, capture, perAgentMetrics = 0 } = props;
    this.#check(perAgentMetrics, props);
    const threshold: (id: AlarmId) => number = resolveThresholds(props.thresholds ?? {});
    const common: MonitoredStage = {
      stage: server.stage,
      names: stageNames(server.stage),
      server,
      agents,
      capture,
      applier: props.applier,
      runbooks: new RunbookLinks(props.runbooksUrl),
      publisher: props.publisher ?? "api",
      level: props.level ?? "essential",
      perAgentMetrics,
      encryptionKey: props.encryptionKey,
    };
    this.poller = new QueueDepthPoller(this, "Poller", {
      ...common,
      vpcCidrs: props.vpcCidrs,
      architecture: props.architecture,
    });
    this.tokenChecker = new TokenChecker(this, "TokenCheck", {
      ...common,
      poller: this.poller,
      rotateAfter: props.rotateTokensAfter,
      architecture: props.architecture,
    });
    const receivers = new AlarmTopic(this, "Receivers", {
      ...common,
      receivers: props.receivers ?? [],
      topic: props.topic,
    });
    this.topic = receivers.topic;
    props.applier?.notify(this.topic, receivers.encryptionKey);
    const { taskStopped } = new EcsEventRules(this, "EcsEvents", { ...common, receivers });

    new BackupEventRule(this, "BackupFailed", { ...common, receivers });

    const sources = new MetricSources({
      ...common,
      poller: this.poller,
      tokenChecker: this.tokenChecker,
      taskStopRule: taskStopped,
    });
    this.alarms = new StageAlarms(this, "Alarms", { ...common, sources, threshold, topic: this.topic });
    const dashboard = new StageDashboard(this, "Dashboard", {
      ...common,
      sources,
      threshold,
      alarms: this.alarms,
      poller: this.poller,
    });
    this.dashboard = dashboard.dashboard;
    this.dashboardUrl = dashboard.url;
  }

  #check(perAgentMetrics: number, { runbooksUrl, server, capture }: DbwardMonitoringProps): void {
    const problems = new PropProblems(this);
    const { maxPerAgentMetrics } = POLLER_LIMITS;
    problems.expect(
      Number.isInteger(perAgentMetrics) && perAgentMetrics >= 0 && perAgentMetrics <= maxPerAgentMetrics,
      "perAgentMetrics",
      `must be 0 to ${maxPerAgentMetrics}, not ${perAgentMetrics}`,
    );
    problems.expectText(
      runbooksUrl,
      /^https?:\/\/\S*[^/\s]$/,
      "runbooksUrl",
      "must be a URL without a slash at its end",
    );
    problems.expect(capture.server === server, "capture", "must be that of the prop `server`");
    problems.throwIfAny();
  }
}
