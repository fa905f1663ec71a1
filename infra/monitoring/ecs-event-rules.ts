import { type AlarmId, stageNames } from "@dbward-aws/contract";
import { ArnFormat, Stack } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import { Construct } from "constructs";
import type { AlarmTopic } from "./alarm-topic.ts";
import type { MonitoredStage } from "./monitored-stage.ts";
import { runbookLink } from "./runbook-link.ts";

export interface EcsEventRulesProps extends Pick<MonitoredStage, "settings" | "server"> {
  readonly receivers: AlarmTopic;
}

const field = events.EventField.fromPath;

/**
 * What ECS reports of this stage's cluster, in words: seconds after it happens, and with ECS's own reason, which no
 * metric carries.
 */
export class EcsEventRules extends Construct {
  /** Matches tasks that stop by themselves; its count is a metric of EventBridge. */
  readonly taskStopped: events.Rule;
  readonly #receivers: AlarmTopic;
  readonly #stage: string;

  constructor(scope: Construct, id: string, props: EcsEventRulesProps) {
    super(scope, id);
    const { settings, server, receivers } = props;
    this.#receivers = receivers;
    this.#stage = settings.stage;
    receivers.allowEventBridge();
    const cluster = [server.cluster.clusterArn];
    const runbook = (id: AlarmId) => runbookLink(id, settings.monitoring);

    this.#rule("DeploymentFailed", {
      description: "a deployment of a service failed",
      pattern: {
        source: ["aws.ecs"],
        detailType: ["ECS Deployment State Change"],
        // The event names no cluster but in the service's ARN.
        resources: events.Match.prefix(`${this.#serviceArn()}/`),
        detail: { eventName: ["SERVICE_DEPLOYMENT_FAILED"] },
      },
      text: [
        `A deployment failed on dbward ${this.#stage}.`,
        `Service: ${field("$.resources[0]")}`,
        `Reason: ${field("$.detail.reason")}`,
        `Since: ${field("$.detail.updatedAt")}`,
        "Next step: read the last events of the service and its log with `pnpm ops status`.",
        "An agent rolls back by itself. The server does not: its database may have been migrated.",
        `Runbook: ${runbook("tasks-missing")}`,
      ],
    });
    this.#rule("ServiceImpaired", {
      description: "a service can't start or place its tasks",
      pattern: {
        source: ["aws.ecs"],
        detailType: ["ECS Service Action"],
        detail: { clusterArn: cluster, eventType: ["WARN", "ERROR"] },
      },
      text: [
        `ECS can't keep a service as it should be on dbward ${this.#stage}: ${field("$.detail.eventName")}.`,
        `Service: ${field("$.resources[0]")}`,
        `Reason: ${field("$.detail.reason")}`,
        "Next step: read the last events of the service with `pnpm ops status`.",
        `Runbook: ${runbook("tasks-missing")}`,
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
          group: [{ prefix: "service:" }],
          // Deployments, scaling and people stop tasks as well; a failed health check has ECS's scheduler stop one too.
          stopCode: [{ "anything-but": ["UserInitiated"] }],
          stoppedReason: [{ "anything-but": { prefix: "Scaling activity initiated by" } }],
        },
      },
      text: [
        `A task stopped by itself on dbward ${this.#stage}. ECS starts another one.`,
        `Of: ${field("$.detail.group")}`,
        `Reason: ${field("$.detail.stoppedReason")} (${field("$.detail.stopCode")})`,
        `Exit code of its first container: ${field("$.detail.containers[0].exitCode")}`,
        `At: ${field("$.detail.stoppedAt")}`,
        `Task: ${field("$.detail.taskArn")}`,
        "Next step: read the task's last log lines.",
        `Runbook: ${runbook("task-restarts")}`,
      ],
    });
    this.#rule("OutOfMemory", {
      description: "a container was killed for its use of memory",
      pattern: {
        source: ["aws.ecs"],
        detailType: ["ECS Task State Change"],
        detail: {
          clusterArn: cluster,
          lastStatus: ["STOPPED"],
          containers: { reason: [{ prefix: "OutOfMemory" }] },
        },
      },
      text: [
        `A container ran out of memory on dbward ${this.#stage} and was killed.`,
        `Of: ${field("$.detail.group")}, with ${field("$.detail.memory")} MiB for the task`,
        `At: ${field("$.detail.stoppedAt")}`,
        `Task: ${field("$.detail.taskArn")}`,
        "Next step: raise memoryMiB of the server or agent in dbward.config.ts, and deploy.",
        `Runbook: ${runbook("server-memory")}`,
      ],
    });
  }

  #serviceArn(): string {
    return Stack.of(this).formatArn({
      service: "ecs",
      resource: "service",
      resourceName: stageNames(this.#stage).cluster,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
  }

  #rule(
    id: string,
    options: {
      readonly description: string;
      readonly pattern: events.EventPattern;
      readonly text: readonly string[];
    },
  ): events.Rule {
    const rule = new events.Rule(this, id, {
      description: `dbward ${this.#stage}: ${options.description}`,
      eventPattern: options.pattern,
    });
    rule.addTarget({
      bind: () => ({
        arn: this.#receivers.topic.topicArn,
        input: events.RuleTargetInput.fromText(options.text.join("\n")),
      }),
    });
    return rule;
  }
}
