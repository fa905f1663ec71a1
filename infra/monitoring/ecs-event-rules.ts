import { ArnFormat, Stack } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import { Construct } from "constructs";
import type { AlarmTopic } from "./alarm-topic.ts";
import type { MonitoredStage } from "./monitored-stage.ts";
import { ToldEvent, type ToldEventProps } from "./told-event.ts";

export interface EcsEventRulesProps extends Pick<MonitoredStage, "stage" | "server" | "agents" | "runbooks"> {
  readonly receivers: AlarmTopic;
}

const field = events.EventField.fromPath;

/**
 * Sends what ECS reports of this stage's cluster as text: seconds after it happens, and with ECS's own
 * reason, which no metric has.
 */
export class EcsEventRules extends Construct {
  /** Matches tasks that stop by themselves; its count is a metric of EventBridge. */
  readonly taskStopped: events.Rule;
  readonly #receivers: AlarmTopic;
  readonly #stage: string;

  constructor(scope: Construct, id: string, props: EcsEventRulesProps) {
    super(scope, id);
    const { server, agents, receivers, runbooks } = props;
    this.#receivers = receivers;
    this.#stage = props.stage;
    const cluster = [server.cluster.clusterArn];
    // A cluster of somebody else's has other services, too.
    const services = [server.serviceName, ...agents.map(({ serviceName }) => serviceName)];
    const serviceArns = services.map((name) => `${this.#serviceArn(server.clusterName)}/${name}`);
    const groups = services.map((name) => `service:${name}`);
    const ofStage = server.ownsCluster ? {} : { resources: serviceArns };

    this.#rule("DeploymentFailed", {
      description: "a deployment of a service failed",
      pattern: {
        source: ["aws.ecs"],
        detailType: ["ECS Deployment State Change"],
        // The event names no cluster but in the service's ARN.
        resources: server.ownsCluster
          ? events.Match.prefix(`${this.#serviceArn(server.clusterName)}/`)
          : serviceArns,
        detail: { eventName: ["SERVICE_DEPLOYMENT_FAILED"] },
      },
      text: [
        `A deployment failed on dbward ${this.#stage}.`,
        `Service: ${field("$.resources[0]")}`,
        `Reason: ${field("$.detail.reason")}`,
        `At: ${field("$.detail.updatedAt")}`,
        "Next step: read the last events of the service and its log with `pnpm ops status`.",
        "An agent rolls back by itself. The server does not: its database may have been migrated.",
        `Runbook: ${runbooks.to("tasks-missing")}`,
      ],
    });
    this.#rule("ServiceImpaired", {
      description: "a service can't start or place its tasks",
      pattern: {
        source: ["aws.ecs"],
        detailType: ["ECS Service Action"],
        ...ofStage,
        detail: { clusterArn: cluster, eventType: ["WARN", "ERROR"] },
      },
      text: [
        `ECS can't run a service of dbward ${this.#stage} as configured: ${field("$.detail.eventName")}.`,
        `Service: ${field("$.resources[0]")}`,
        `Reason: ${field("$.detail.reason")}`,
        "Next step: read the last events of the service with `pnpm ops status`.",
        `Runbook: ${runbooks.to("tasks-missing")}`,
      ],
    });
    this.taskStopped = this.#rule("TaskStopped", {
      description: "a task stopped by itself",
      pattern: {
        source: ["aws.ecs"],
        detailType: ["ECS Task State Change"],
        detail: {
          clusterArn: cluster,
          lastStatus: ["STOPPED"],
          group: server.ownsCluster ? [{ prefix: "service:" }] : groups,
          // Deployments, scaling and people stop tasks as well; a failed health check has ECS's scheduler
          // stop one too.
          // A Spot interruption is expected; an alarm reports a task that is not replaced.
          stopCode: [{ "anything-but": ["UserInitiated", "SpotInterruption"] }],
          stoppedReason: [{ "anything-but": { prefix: "Scaling activity initiated by" } }],
        },
      },
      text: [
        `A task stopped by itself on dbward ${this.#stage}. ECS starts another one.`,
        `Service: ${field("$.detail.group")}`,
        `Reason: ${field("$.detail.stoppedReason")} (${field("$.detail.stopCode")})`,
        `Exit code of its first container (empty when it was not started): ${field("$.detail.containers[0].exitCode")}`,
        `At: ${field("$.detail.stoppedAt")}`,
        `Task: ${field("$.detail.taskArn")}`,
        "Next step: read the task's last log lines.",
        `Runbook: ${runbooks.to("tasks-missing")}`,
      ],
    });
    this.#rule("OutOfMemory", {
      description: "a container was killed for its use of memory",
      pattern: {
        source: ["aws.ecs"],
        detailType: ["ECS Task State Change"],
        detail: {
          clusterArn: cluster,
          ...(server.ownsCluster ? {} : { group: groups }),
          lastStatus: ["STOPPED"],
          containers: { reason: [{ prefix: "OutOfMemory" }] },
        },
      },
      text: [
        `A container ran out of memory on dbward ${this.#stage} and was killed.`,
        `Service: ${field("$.detail.group")}; memory of the task: ${field("$.detail.memory")} MiB`,
        `At: ${field("$.detail.stoppedAt")}`,
        `Task: ${field("$.detail.taskArn")}`,
        "Next step: raise memoryMiB of the server or agent in dbward.config.ts, and deploy.",
      ],
    });
  }

  #serviceArn(clusterName: string): string {
    return Stack.of(this).formatArn({
      service: "ecs",
      resource: "service",
      resourceName: clusterName,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
  }

  #rule(id: string, options: Pick<ToldEventProps, "description" | "pattern" | "text">): ToldEvent {
    return new ToldEvent(this, id, { stage: this.#stage, receivers: this.#receivers, ...options });
  }
}
