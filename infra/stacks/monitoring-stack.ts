import { Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import type { MonitoredStage } from "../monitoring/monitored-stage.ts";
import { QueueDepthPoller } from "../monitoring/queue-depth-poller.ts";

export interface MonitoringStackProps extends StackProps, MonitoredStage {}

/** What watches a stage: poller, alarms, notifications, dashboard. It holds nothing, and can go and come at any time. */
export class MonitoringStack extends Stack {
  readonly poller: QueueDepthPoller;

  constructor(scope: Construct, id: string, props: MonitoringStackProps) {
    super(scope, id, props);
    this.poller = new QueueDepthPoller(this, "Poller", props);
  }
}
