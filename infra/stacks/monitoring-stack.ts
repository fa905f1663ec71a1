import type { Construct } from "constructs";
import type { MonitoredStage } from "../monitoring/monitored-stage.ts";
import { QueueDepthPoller } from "../monitoring/queue-depth-poller.ts";
import { DbwardStack, type DbwardStackProps } from "./dbward-stack.ts";

export interface MonitoringStackProps extends DbwardStackProps, MonitoredStage {}

/** What watches a stage: poller, alarms, notifications, dashboard. It holds nothing, and can go and come at any time. */
export class MonitoringStack extends DbwardStack {
  readonly poller: QueueDepthPoller;

  constructor(scope: Construct, props: MonitoringStackProps) {
    super(scope, "Monitoring", props, "poller, alarms, dashboard");
    this.poller = new QueueDepthPoller(this, "Poller", props);
  }
}
