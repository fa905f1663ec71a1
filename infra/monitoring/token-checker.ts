import { formatAgents, TOKEN_CHECK_ENVIRONMENT, TOKEN_CHECK_EVENTS } from "@dbward-aws/contract";
import { Duration, Stack } from "aws-cdk-lib";
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
import { keyUse } from "../state/key-use.ts";
import type { MonitoredStage } from "./monitored-stage.ts";
import { publishMetrics } from "./publish-metrics.ts";
import type { QueueDepthPoller } from "./queue-depth-poller.ts";

export interface TokenCheckerProps extends MonitoredStage {
  /** Whose way to the server and to AWS the function shares. */
  readonly poller: QueueDepthPoller;
  /** Age at which a token is rotated. @default - none is */
  readonly rotateAfter: Duration | undefined;
  /** Processor of the function. @default lambda.Architecture.ARM_64 */
  readonly architecture: lambda.Architecture | undefined;
}

const CHECK_PERIOD = Duration.days(1);
/** A rotation that did not fit into one run continues an hour later. */
const ROTATION_PERIOD = Duration.hours(1);
/** The most that Lambda has: a rotation waits for new tasks of an agent. */
const TIMEOUT = Duration.minutes(15);
/** An event that could not be delivered for so long is dropped: two rotations must not run at the same time. */
const EVENT_AGE = Duration.minutes(15);

/**
 * Asks the server once a day whether it accepts each captured token, and with `rotateAfter` replaces the old
 * ones, once an hour as far as it gets. It has the poller's place in the VPC: the same subnets and security
 * group, and so the same network interfaces.
 */
export class TokenChecker extends Construct {
  readonly function: lambda.Function;
  readonly logGroup: logs.LogGroup;
  readonly role: iam.Role;
  /** Whether it replaces tokens, and so publishes how many are overdue. */
  readonly rotates: boolean;

  constructor(scope: Construct, id: string, props: TokenCheckerProps) {
    super(scope, id);
    const { stage, names, server, agents, capture, poller, rotateAfter } = props;
    this.rotates = rotateAfter !== undefined;
    this.logGroup = new DbwardLogGroup(this, "Logs", {
      retention: logs.RetentionDays.THREE_MONTHS,
      encryptionKey: props.encryptionKey,
    });
    this.role = this.#createRole(props);
    // The network interfaces hold the group, and need this role to go away as well.
    poller.securityGroup.node.addDependency(this.role);
    this.function = new BundledFunction(this, "Function", {
      functionName: names.tokenCheckFunction,
      description: `dbward ${stage}: checks the tokens once a day${rotateAfter ? ", and replaces old ones" : ""}`,
      bundle: "check-tokens",
      memorySize: 256,
      timeout: TIMEOUT,
      architecture: props.architecture,
      retryAttempts: 0,
      maxEventAge: EVENT_AGE,
      role: this.role,
      logGroup: this.logGroup,
      vpc: server.vpc,
      vpcSubnets: server.vpcSubnets,
      allowPublicSubnet: true,
      securityGroups: [poller.securityGroup],
      environment: {
        [TOKEN_CHECK_ENVIRONMENT.stage]: stage,
        [TOKEN_CHECK_ENVIRONMENT.serverUrl]: capture.serverUrl,
        [TOKEN_CHECK_ENVIRONMENT.publisher]: props.publisher,
        [TOKEN_CHECK_ENVIRONMENT.cluster]: server.cluster.clusterArn,
        [TOKEN_CHECK_ENVIRONMENT.serverService]: server.service.serviceName,
        [TOKEN_CHECK_ENVIRONMENT.agentServicePrefix]: server.agentServicePrefix,
        [TOKEN_CHECK_ENVIRONMENT.agents]: formatAgents(agents),
        ...(rotateAfter && {
          [TOKEN_CHECK_ENVIRONMENT.rotateAfterDays]: String(rotateAfter.toDays()),
        }),
      },
    });
    this.function.node.addDependency(this.role);
    this.#schedule(
      "EveryDay",
      "starts the check of the tokens",
      CHECK_PERIOD,
      TOKEN_CHECK_EVENTS.check,
      poller,
    );
    if (rotateAfter)
      this.#schedule(
        "EveryHour",
        "starts the rotation of the tokens",
        ROTATION_PERIOD,
        TOKEN_CHECK_EVENTS.rotate,
        poller,
      );
  }

  #schedule(id: string, does: string, period: Duration, event: object, poller: QueueDepthPoller): void {
    const rule = new events.Rule(this, id, {
      description: `${this.function.functionName}: ${does}`,
      schedule: events.Schedule.rate(period),
      targets: [
        new targets.LambdaFunction(this.function, {
          event: events.RuleTargetInput.fromObject(event),
          retryAttempts: 0,
          maxEventAge: EVENT_AGE,
        }),
      ],
    });
    // Begins when its ways are open, as the poller does.
    rule.node.addDependency(poller.rule);
  }

  /** One role with everything in it, as the poller's. */
  #createRole(props: TokenCheckerProps): iam.Role {
    const { server, agents, capture, names, encryptionKey, rotateAfter } = props;
    const { adminToken, metricsToken } = capture.secrets;
    const secretArns = [
      adminToken.secretArn,
      metricsToken.secretArn,
      ...agents.map(({ name }) => capture.secrets.agentTokenFor(this, name).secretArn),
    ];
    const inCluster = { ArnEquals: { "ecs:cluster": server.cluster.clusterArn } };
    const agentServices = agents.map(({ serviceArn }) => serviceArn);
    const statements = [
      ...functionInVpc(this, names.tokenCheckFunction),
      new iam.PolicyStatement({
        sid: "ReadTokens",
        actions: ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
        resources: secretArns,
      }),
      new iam.PolicyStatement({
        sid: "DescribeServices",
        actions: ["ecs:DescribeServices"],
        resources: [server.service.serviceArn, ...(rotateAfter ? agentServices : [])],
        conditions: inCluster,
      }),
    ];
    if (rotateAfter)
      statements.push(
        new iam.PolicyStatement({
          sid: "StoreTokens",
          actions: ["secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"],
          resources: secretArns,
        }),
        new iam.PolicyStatement({
          sid: "ReplaceTasks",
          actions: ["ecs:UpdateService"],
          resources: agentServices,
          conditions: inCluster,
        }),
        new iam.PolicyStatement({
          sid: "FindTasks",
          actions: ["ecs:ListTasks"],
          resources: ["*"],
          conditions: inCluster,
        }),
        new iam.PolicyStatement({
          sid: "SeeTasks",
          actions: ["ecs:DescribeTasks"],
          resources: [
            Stack.of(this).formatArn({
              service: "ecs",
              resource: "task",
              resourceName: `${server.cluster.clusterName}/*`,
            }),
          ],
          conditions: inCluster,
        }),
      );
    if (encryptionKey !== undefined)
      statements.push(
        keyUse(this, {
          sid: "UseKey",
          service: "secretsmanager",
          keyArns: [encryptionKey.keyArn],
          actions: rotateAfter ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"],
        }),
      );
    return new FunctionRole(this, "Role", {
      description: `dbward ${props.stage}: check of the tokens`,
      policyName: "Check",
      logGroup: this.logGroup,
      statements: [...statements, ...publishMetrics(props.publisher)],
      wildcards:
        "Network interfaces have no ARN before they exist, and PutMetricData knows no resource: the first are " +
        "denied to the function's own code, the second is narrowed to one namespace. Ids of tasks are known " +
        "only at run time: they are narrowed to the cluster.",
    });
  }
}
