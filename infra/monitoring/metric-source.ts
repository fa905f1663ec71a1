import { STAGE_DIMENSION } from "@dbward-aws/contract";
import type { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type * as events from "aws-cdk-lib/aws-events";
import type { MetricOwner, MetricSource, Signal } from "./alarm-definition.ts";
import { sourcesOf } from "./alarm-definition.ts";
import type { MonitoredStage } from "./monitored-stage.ts";
import type { QueueDepthPoller } from "./queue-depth-poller.ts";
import type { TokenChecker } from "./token-checker.ts";

export interface MetricSourcesProps extends Pick<MonitoredStage, "stage" | "server" | "capture" | "applier"> {
  readonly poller: QueueDepthPoller;
  readonly tokenChecker: TokenChecker;
  /** Rule that matches tasks which stop by themselves. */
  readonly taskStopRule: events.IRule;
}

/**
 * What a stage on an existing load balancer has in place of the load balancer's own errors, which are those of
 * all its services.
 */
const FAILED_CONNECTIONS: MetricSource = {
  owner: "target-group",
  namespace: "AWS/ApplicationELB",
  name: "TargetConnectionErrorCount",
  statistic: "Sum",
};

/** Turns the catalogue's metric sources into CloudWatch metrics of one stage. */
export class MetricSources {
  readonly #dimensions: Readonly<Record<MetricOwner, cloudwatch.DimensionsMap | undefined>>;
  readonly #stage: string;
  readonly #sharesLoadBalancer: boolean;

  constructor({ stage, server, capture, applier, poller, tokenChecker, taskStopRule }: MetricSourcesProps) {
    const { fileSystemId } = server.fileSystem;
    const { loadBalancerFullName } = server;
    const loadBalancer =
      loadBalancerFullName === undefined ? undefined : { LoadBalancer: loadBalancerFullName };
    this.#sharesLoadBalancer = server.loadBalancer === undefined;
    this.#stage = stage;
    this.#dimensions = {
      stage: { [STAGE_DIMENSION]: stage },
      "server-service": {
        ClusterName: server.cluster.clusterName,
        ServiceName: server.service.serviceName,
      },
      "file-system": { FileSystemId: fileSystemId },
      "file-system-storage": { FileSystemId: fileSystemId, StorageClass: "Total" },
      poller: { FunctionName: poller.function.functionName },
      "token-check": { FunctionName: tokenChecker.function.functionName },
      "token-rotation": tokenChecker.rotates ? { [STAGE_DIMENSION]: stage } : undefined,
      "poller-rule": { RuleName: poller.rule.ruleName },
      apply: applier && { FunctionName: applier.function.functionName },
      capture: { FunctionName: capture.function.functionName },
      "capture-log": {},
      "task-stop-rule": { RuleName: taskStopRule.ruleName },
      "load-balancer": loadBalancer,
      "target-group":
        loadBalancer && server.targetGroup
          ? { ...loadBalancer, TargetGroup: server.targetGroup.targetGroupFullName }
          : undefined,
    };
  }

  /**
   * Whether the stage has everything that a signal looks at: one without a load balancer has no metrics of
   * it.
   */
  has(signal: Signal): boolean {
    return sourcesOf(signal).every(({ owner }) => this.#dimensions[owner] !== undefined);
  }

  /** The metric of a source. @throws Error when the stage has no such owner: ask {@link has} first */
  metric(named: MetricSource, options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    const source = this.#sharesLoadBalancer && named.owner === "load-balancer" ? FAILED_CONNECTIONS : named;
    const dimensionsMap = this.#dimensions[source.owner];
    if (!dimensionsMap) throw new Error(`Stage ${this.#stage} has no ${source.owner}.`);
    return new cloudwatch.Metric({
      namespace: source.namespace,
      metricName: this.metricName(source),
      statistic: source.statistic,
      dimensionsMap,
      ...options,
    });
  }

  /** A metric filter can't give its metric a fixed dimension, so there the stage is part of the name. */
  metricName({ owner, name }: MetricSource): string {
    return owner === "capture-log" ? `${name}-${this.#stage}` : name;
  }

  /** What an alarm looks at, over periods of the alarm's length. */
  signal(signal: Signal, label: string, period: Duration): cloudwatch.IMetric {
    if ("metric" in signal) return this.metric(signal.metric, { period });
    return new cloudwatch.MathExpression({
      expression: signal.expression,
      label,
      period,
      usingMetrics: Object.fromEntries(
        Object.entries(signal.metrics).map(([id, source]) => [id, this.metric(source, { period })]),
      ),
    });
  }
}
