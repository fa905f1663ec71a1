import { STACK_OUTPUTS } from "@dbward-aws/contract";
import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import * as sns from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import { ConfigApplier } from "../apply/config-applier.ts";
import { DbwardHours } from "../hours/dbward-hours.ts";
import { DbwardMonitoring } from "../monitoring/dbward-monitoring.ts";
import { Receiver } from "../monitoring/receiver.ts";
import type { AgentsStack } from "./agents-stack.ts";
import { ARCHITECTURES } from "./architecture.ts";
import type { DbwardStackProps } from "./dbward-stack.ts";
import { keysOf } from "./key-of.ts";
import type { ServerStack } from "./server-stack.ts";
import { stageStackProps } from "./stage-stack-props.ts";
import type { StateStack } from "./state-stack.ts";

export interface MonitoringStackProps extends Pick<DbwardStackProps, "settings" | "region" | "facts"> {
  readonly state: StateStack;
  readonly server: ServerStack;
  readonly agents: AgentsStack;
}

/**
 * What watches a stage: poller, alarms, notifications, dashboard. It holds no data, and can be removed at any
 * time. With working hours, their schedules too.
 */
export class MonitoringStack extends Stack {
  readonly monitoring: DbwardMonitoring;

  constructor(scope: Construct, { settings, region, facts, state, server, agents }: MonitoringStackProps) {
    const stackProps = stageStackProps("Monitoring", settings, region, "poller, alarms, dashboard");
    super(scope, stackProps.stackName, stackProps);
    const { monitoring, apply } = settings;
    const { encryptionKey } = state;
    const topicKey =
      monitoring.topicArn === undefined ? undefined : keysOf(settings, facts)(monitoring.topicArn);
    const applier =
      apply.configuration || apply.secrets !== "none"
        ? new ConfigApplier(this, "Apply", {
            server: server.server,
            agents: agents.agents,
            capture: server.capture,
            configuration: apply.configuration,
            secrets: apply.secrets,
            architecture: ARCHITECTURES[settings.architecture].function,
            ...(encryptionKey && { encryptionKey }),
          })
        : undefined;
    // The id "Default" is left out of logical ids.
    this.monitoring = new DbwardMonitoring(this, "Default", {
      server: server.server,
      agents: agents.agents,
      capture: server.capture,
      ...(applier && { applier }),
      receivers: [
        ...monitoring.emails.map(Receiver.email),
        ...monitoring.httpsEndpoints.map(Receiver.https),
        ...monitoring.slack.map(Receiver.slack),
        ...monitoring.teams.map(Receiver.teams),
      ],
      ...(monitoring.topicArn !== undefined && {
        topic: sns.Topic.fromTopicAttributes(this, "SharedTopic", {
          topicArn: monitoring.topicArn,
          ...(topicKey !== undefined && { keyArn: topicKey }),
        }),
      }),
      thresholds: monitoring.thresholds,
      publisher: monitoring.publisher,
      architecture: ARCHITECTURES[settings.architecture].function,
      level: monitoring.level,
      perAgentMetrics: monitoring.perAgentMetrics,
      ...(settings.tokens.rotateAfterDays !== undefined && {
        rotateTokensAfter: Duration.days(settings.tokens.rotateAfterDays),
      }),
      ...(monitoring.runbooksUrl !== undefined && { runbooksUrl: monitoring.runbooksUrl }),
      vpcCidrs: state.network.cidrs,
      ...(encryptionKey && { encryptionKey }),
    });

    // Its schedules know services and agents by name, as the monitoring does.
    if (settings.hours)
      new DbwardHours(this, "Hours", {
        hours: settings.hours,
        server: server.server,
        agents: agents.agents,
        monitoring: this.monitoring,
      });

    new CfnOutput(this, "DashboardUrl", {
      value: this.monitoring.dashboardUrl,
      description: "Dashboard of the stage",
    });
    new CfnOutput(this, STACK_OUTPUTS.pollerRule, {
      value: this.monitoring.poller.rule.ruleName,
      description: "Rule that runs the poller once a minute",
    });
    new CfnOutput(this, STACK_OUTPUTS.pollerLogGroup, {
      value: this.monitoring.poller.logGroup.logGroupName,
      description: "Log of the poller",
    });
    if (applier)
      new CfnOutput(this, STACK_OUTPUTS.applyLogGroup, {
        value: applier.logGroup.logGroupName,
        description: "Log of the function that takes changed values to the tasks",
      });
    new CfnOutput(this, STACK_OUTPUTS.tokenCheckLogGroup, {
      value: this.monitoring.tokenChecker.logGroup.logGroupName,
      description: "Log of the token check",
    });
    new CfnOutput(this, "AlarmTopicArn", {
      value: this.monitoring.topic.topicArn,
      description: "Topic of all alarms: others can subscribe to it",
    });
  }
}
