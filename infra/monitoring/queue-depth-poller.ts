import { formatAgents, POLLER_ENVIRONMENT } from "@dbward-aws/contract";
import { Duration } from "aws-cdk-lib";
import type * as ec2 from "aws-cdk-lib/aws-ec2";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { DbwardLogGroup } from "../dbward-log-group.ts";
import { BundledFunction } from "../function/bundled-function.ts";
import { functionInVpc } from "../function/function-in-vpc.ts";
import { FunctionRole } from "../function/function-role.ts";
import { DbwardSecurityGroup } from "../network/dbward-security-group.ts";
import { keyUse } from "../state/key-use.ts";
import type { MonitoredStage } from "./monitored-stage.ts";
import { PollerEndpoints } from "./poller-endpoints.ts";
import { publishMetrics } from "./publish-metrics.ts";

export interface QueueDepthPollerProps extends MonitoredStage {
  /** IPv4 blocks of the VPC. @default - the block that the VPC knows */
  readonly vpcCidrs: readonly string[] | undefined;
  /** Processor of the function. @default lambda.Architecture.ARM_64 */
  readonly architecture: lambda.Architecture | undefined;
}

/** Time between two polls: one minute is the shortest that an EventBridge rule knows. */
const POLL_PERIOD = Duration.minutes(1);
/** A run that hangs is over before the next one starts. */
const POLL_TIMEOUT = Duration.seconds(45);
/**
 * An event that could not be delivered for so long is dropped: the next poll is fresher. 60 s is the least.
 */
const EVENT_AGE = Duration.seconds(60);

/**
 * Asks the server once a minute for its queue and its agents, and ECS for its task counts, and publishes one
 * snapshot as metrics of the namespace `Dbward`. It runs in the VPC, next to the server.
 *
 * Removing it takes up to 40 minutes, AWS's time for a function's network interfaces. They need the role to
 * go away and hold the security group until then: the function goes first, then the group, then the role.
 */
export class QueueDepthPoller extends Construct {
  readonly function: lambda.Function;
  /** Log of the function; with publisher `emf` the metrics come from it. */
  readonly logGroup: logs.LogGroup;
  readonly role: iam.Role;
  readonly securityGroup: ec2.ISecurityGroup;
  readonly rule: events.Rule;

  constructor(scope: Construct, id: string, props: QueueDepthPollerProps) {
    super(scope, id);
    const { stage, names, server, agents, capture } = props;

    this.logGroup = new DbwardLogGroup(this, "Logs", {
      retention: logs.RetentionDays.TWO_WEEKS,
      encryptionKey: props.encryptionKey,
    });
    this.role = this.#createRole(props);
    const group = new DbwardSecurityGroup(this, "SecurityGroup", {
      vpc: server.vpc,
      description: "dbward poller",
    });
    this.securityGroup = group;
    group.node.addDependency(this.role);
    const serverRule = server.allowFrom(this, "ServerFromPoller", group, { source: "Poller" });
    group.allowHttps("AWS APIs");
    group.allowDns();

    this.function = new BundledFunction(this, "Function", {
      functionName: names.pollerFunction,
      description: `dbward ${stage}: queue, agents and tasks as metrics, once a minute`,
      bundle: "poll-agents",
      memorySize: 256,
      timeout: POLL_TIMEOUT,
      architecture: props.architecture,
      // No reserved concurrency: an account may have none to give away. Nothing runs twice anyway, and if it
      // did, a second snapshot of a minute would do no harm.
      retryAttempts: 0,
      maxEventAge: EVENT_AGE,
      role: this.role,
      logGroup: this.logGroup,
      vpc: server.vpc,
      vpcSubnets: server.vpcSubnets,
      // Where tasks have public addresses, the way out is PollerEndpoints.
      allowPublicSubnet: true,
      securityGroups: [group],
      environment: {
        [POLLER_ENVIRONMENT.stage]: stage,
        [POLLER_ENVIRONMENT.serverUrl]: capture.serverUrl,
        [POLLER_ENVIRONMENT.tokenSecret]: capture.secrets.metricsToken.secretArn,
        [POLLER_ENVIRONMENT.publisher]: props.publisher,
        [POLLER_ENVIRONMENT.level]: props.level,
        [POLLER_ENVIRONMENT.perAgentMetrics]: String(props.perAgentMetrics),
        [POLLER_ENVIRONMENT.cluster]: server.cluster.clusterArn,
        [POLLER_ENVIRONMENT.serverService]: server.service.serviceName,
        [POLLER_ENVIRONMENT.agentServicePrefix]: server.agentServicePrefix,
        [POLLER_ENVIRONMENT.agents]: formatAgents(agents),
      },
    });
    this.function.node.addDependency(this.role);
    this.rule = new events.Rule(this, "EveryMinute", {
      description: `dbward ${stage}: starts the poller`,
      schedule: events.Schedule.rate(POLL_PERIOD),
      targets: [new targets.LambdaFunction(this.function, { retryAttempts: 0, maxEventAge: EVENT_AGE })],
    });
    // The first poll must find its ways open, or it would report an outage.
    this.rule.node.addDependency(serverRule);
    if (server.assignPublicIp) this.rule.node.addDependency(new PollerEndpoints(this, "Endpoints", props));
  }

  /**
   * One role with everything in it: a policy of its own would be deleted before the network interfaces are.
   */
  #createRole(props: QueueDepthPollerProps): iam.Role {
    const { server, agents, capture, encryptionKey } = props;
    const statements = [
      ...functionInVpc(this, props.names.pollerFunction),
      new iam.PolicyStatement({
        sid: "ReadToken",
        actions: ["secretsmanager:GetSecretValue"],
        resources: [capture.secrets.metricsToken.secretArn],
      }),
      new iam.PolicyStatement({
        sid: "CountTasks",
        actions: ["ecs:DescribeServices"],
        resources: [server.service.serviceArn, ...agents.map(({ serviceArn }) => serviceArn)],
        conditions: { ArnEquals: { "ecs:cluster": server.cluster.clusterArn } },
      }),
    ];
    const scaled = agents.filter(({ scaling }) => scaling !== undefined);
    if (scaled.length > 0)
      statements.push(
        new iam.PolicyStatement({
          sid: "ScaleAgents",
          actions: ["ecs:UpdateService"],
          resources: scaled.map(({ serviceArn }) => serviceArn),
          conditions: { ArnEquals: { "ecs:cluster": server.cluster.clusterArn } },
        }),
      );
    if (encryptionKey !== undefined)
      statements.push(
        keyUse(this, {
          sid: "DecryptToken",
          service: "secretsmanager",
          keyArns: [encryptionKey.keyArn],
          actions: ["kms:Decrypt"],
        }),
      );
    return new FunctionRole(this, "Role", {
      description: `dbward ${props.stage}: poller`,
      policyName: "Poll",
      logGroup: this.logGroup,
      statements: [...statements, ...publishMetrics(props.publisher)],
      wildcards:
        "Network interfaces have no ARN before they exist, and PutMetricData knows no resource: the first are " +
        "denied to the function's own code, the second is narrowed to one namespace.",
      acceptedWildcards: ["Resource::*"],
    });
  }
}
