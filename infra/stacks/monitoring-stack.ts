import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { AlarmTopic } from "../monitoring/alarm-topic.ts";
import { EcsEventRules } from "../monitoring/ecs-event-rules.ts";
import { MetricSources } from "../monitoring/metric-source.ts";
import type { MonitoredStage } from "../monitoring/monitored-stage.ts";
import { QueueDepthPoller } from "../monitoring/queue-depth-poller.ts";
import { StageAlarms } from "../monitoring/stage-alarms.ts";
import { StageDashboard } from "../monitoring/stage-dashboard.ts";

export interface MonitoringStackProps extends StackProps, MonitoredStage {}

/** What watches a stage: poller, alarms, notifications, dashboard. It holds nothing, and can go and come at any time. */
export class MonitoringStack extends Stack {
  readonly poller: QueueDepthPoller;
  readonly receivers: AlarmTopic;
  readonly alarms: StageAlarms;
  readonly dashboard: StageDashboard;

  constructor(scope: Construct, id: string, props: MonitoringStackProps) {
    super(scope, id, props);
    this.poller = new QueueDepthPoller(this, "Poller", props);
    this.receivers = new AlarmTopic(this, "Receivers", props);
    const { taskStopped } = new EcsEventRules(this, "EcsEvents", { ...props, receivers: this.receivers });

    const sources = new MetricSources({ ...props, poller: this.poller, taskStopRule: taskStopped });
    this.alarms = new StageAlarms(this, "Alarms", { ...props, sources, topic: this.receivers.topic });
    this.dashboard = new StageDashboard(this, "Dashboard", {
      ...props,
      sources,
      alarms: this.alarms,
      poller: this.poller,
    });

    new CfnOutput(this, "DashboardUrl", { value: this.dashboard.url, description: "Dashboard of the stage" });
    new CfnOutput(this, "AlarmTopicArn", {
      value: this.receivers.topic.topicArn,
      description: "Topic of all alarms: subscribe to it whatever else should be told",
    });
  }
}
