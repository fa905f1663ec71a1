import {
  APPLY_ENVIRONMENT,
  APPLY_TIME_LIMIT_SECONDS,
  type ApplySecrets,
  stageNames,
} from "@dbward-aws/contract";
import { ArnFormat, Duration, Stack } from "aws-cdk-lib";
import type * as ecs from "aws-cdk-lib/aws-ecs";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as sns from "aws-cdk-lib/aws-sns";
import * as ssm from "aws-cdk-lib/aws-ssm";
import { Construct } from "constructs";
import { tasksOf } from "../capture/arns.ts";
import type { TokenCapture } from "../capture/token-capture.ts";
import { DbwardLogGroup } from "../dbward-log-group.ts";
import { allow } from "../function/allow.ts";
import { BundledFunction } from "../function/bundled-function.ts";
import { FunctionRole } from "../function/function-role.ts";
import type { DbwardServer } from "../server/dbward-server.ts";
import { keyUse } from "../state/key-use.ts";
import { ContainerSecret } from "../task/container-secret.ts";

/**
 * What the applier needs of an agent; `DbwardAgent` has it all. Names are written out: what is referred to in
 * another stack can't be deleted there, and agents come and go.
 */
export interface AppliedAgent {
  readonly name: string;
  readonly serviceName: string;
  readonly serviceArn: string;
  /** The configuration, if it is in SSM. */
  readonly configParameter?: ecs.Secret;
  /** Everything else that ECS reads when a task starts, but the agent's token. */
  readonly startValues: readonly ecs.Secret[];
}

export interface ConfigApplierProps {
  readonly server: DbwardServer;
  readonly agents: readonly AppliedAgent[];
  /** The capture, which has the agents' tokens. */
  readonly capture: TokenCapture;
  /**
   * Whether a changed configuration in SSM is checked, and the tasks that read it are replaced.
   * @default true
   */
  readonly configuration?: boolean;
  /** Whose tasks are replaced when a secret that they read has a new value. @default "agents" */
  readonly secrets?: ApplySecrets;
  /** Processor of the function. @default lambda.Architecture.ARM_64 - a fifth cheaper than X86_64 */
  readonly architecture?: lambda.Architecture;
  /** Customer managed key of the log, which CloudWatch Logs must be allowed to use. @default - a key of AWS */
  readonly encryptionKey?: kms.IKey;
}

/** Secrets Manager tells EventBridge of no new value, and an event of SSM may get lost. */
const PERIOD = Duration.minutes(5);
/** An event that could not be delivered for so long is dropped: the next run finds the same. */
const EVENT_AGE = Duration.minutes(5);

/**
 * Takes new values to the tasks that have former ones: of one service at a time, and a configuration only if
 * dbward would start with it. Everything that a run needs to know of the services is in their task
 * definitions.
 *
 * A secret is watched if it was given to server or agent as an `ISecret`. Of an `ecs.Secret` of the CDK's own
 * nobody knows which right it would need.
 */
export class ConfigApplier extends Construct {
  readonly function: lambda.Function;
  readonly logGroup: logs.LogGroup;
  readonly role: iam.Role;
  /** State of the function, for people and tools. */
  readonly state: ssm.StringParameter;

  constructor(scope: Construct, id: string, props: ConfigApplierProps) {
    super(scope, id);
    const { server, agents, configuration = true, secrets = "agents" } = props;
    const names = stageNames(server.stage);
    this.state = new ssm.StringParameter(this, "State", {
      parameterName: names.applyStateParameter,
      description: "Changes that were refused or did not succeed; written by the function apply-config",
      stringValue: "{}",
    });
    this.logGroup = new DbwardLogGroup(this, "Logs", {
      retention: logs.RetentionDays.TWO_WEEKS,
      encryptionKey: props.encryptionKey,
    });
    this.role = this.#createRole(props);
    this.function = new BundledFunction(this, "Function", {
      functionName: names.applyFunction,
      description: `dbward ${server.stage}: takes changed configurations and secrets to the tasks`,
      bundle: "apply-config",
      memorySize: 256,
      timeout: Duration.seconds(APPLY_TIME_LIMIT_SECONDS),
      architecture: props.architecture,
      // Two runs at once do no harm; see the function's run-state.ts.
      retryAttempts: 0,
      maxEventAge: EVENT_AGE,
      role: this.role,
      logGroup: this.logGroup,
      environment: {
        [APPLY_ENVIRONMENT.stage]: server.stage,
        [APPLY_ENVIRONMENT.cluster]: server.cluster.clusterArn,
        [APPLY_ENVIRONMENT.serverService]: server.service.serviceName,
        [APPLY_ENVIRONMENT.agentServicePrefix]: server.agentServicePrefix,
        [APPLY_ENVIRONMENT.agents]: agents.map(({ name }) => name).join(","),
        [APPLY_ENVIRONMENT.configuration]: String(configuration),
        [APPLY_ENVIRONMENT.secrets]: secrets,
        [APPLY_ENVIRONMENT.stateParameter]: names.applyStateParameter,
      },
    });
    this.#createRules(props);
  }

  /**
   * Has the function tell people of changes that it refused, and of tasks that did not start.
   *
   * @param encryptionKey customer managed key of the topic. @default - a key of AWS, which needs no right
   */
  notify(topic: sns.ITopic, encryptionKey?: kms.IKey): void {
    this.function.addEnvironment(APPLY_ENVIRONMENT.topic, topic.topicArn);
    const statements = [
      new iam.PolicyStatement({ sid: "Tell", actions: ["sns:Publish"], resources: [topic.topicArn] }),
      ...(encryptionKey
        ? [
            keyUse(this, {
              sid: "EncryptMessages",
              service: "sns",
              keyArns: [encryptionKey.keyArn],
              actions: ["kms:Decrypt", "kms:GenerateDataKey"],
            }),
          ]
        : []),
    ];
    for (const statement of statements) this.role.addToPolicy(statement);
  }

  #createRules({ server, agents, configuration = true }: ConfigApplierProps): void {
    const { stage } = server;
    const target = () =>
      new targets.LambdaFunction(this.function, { retryAttempts: 0, maxEventAge: EVENT_AGE });
    new events.Rule(this, "Every5Minutes", {
      description: `dbward ${stage}: looks for changed configurations and secrets`,
      schedule: events.Schedule.rate(PERIOD),
      targets: [target()],
    });
    const parameters = configuration
      ? configsOf(server, agents).flatMap(({ parameterName }) => parameterName ?? [])
      : [];
    if (parameters.length > 0)
      new events.Rule(this, "ConfigChanged", {
        description: `dbward ${stage}: a configuration in SSM was changed`,
        eventPattern: {
          source: ["aws.ssm"],
          detailType: ["Parameter Store Change"],
          detail: { name: [...new Set(parameters)], operation: ["Create", "Update", "Delete"] },
        },
        targets: [target()],
      });
    // The next agent need not wait for the schedule.
    const prefix = Stack.of(this).formatArn({
      service: "ecs",
      resource: "service",
      resourceName: `${server.clusterName}/`,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
    const names = [server.serviceName, ...agents.map(({ serviceName }) => serviceName)];
    new events.Rule(this, "DeploymentEnded", {
      description: `dbward ${stage}: a deployment of a service has ended`,
      eventPattern: {
        source: ["aws.ecs"],
        detailType: ["ECS Deployment State Change"],
        resources: server.ownsCluster ? events.Match.prefix(prefix) : names.map((name) => `${prefix}${name}`),
        detail: { eventName: ["SERVICE_DEPLOYMENT_COMPLETED", "SERVICE_DEPLOYMENT_FAILED"] },
      },
      targets: [target()],
    });
  }

  #createRole(props: ConfigApplierProps): iam.Role {
    const { server, agents, capture, secrets = "agents" } = props;
    const stack = Stack.of(this);
    const inCluster = { ArnEquals: { "ecs:cluster": server.cluster.clusterArn } };
    const services = [server.service.serviceArn, ...agents.map(({ serviceArn }) => serviceArn)];
    const configs = configsOf(server, agents);
    const watched = [
      ...(secrets === "all" ? server.startValues : []),
      ...(secrets === "none" ? [] : agents.flatMap(({ startValues }) => startValues)),
    ].filter((value) => value instanceof ContainerSecret);
    const secretArns = [
      ...watched.filter(({ service }) => service === "secretsmanager").map(({ resource }) => resource),
      ...(secrets === "none"
        ? []
        : agents.map(({ name }) => capture.secrets.agentTokenFor(this, name).secretArn)),
    ];
    const parameterArns = [
      ...configs.map(({ resource }) => resource),
      ...watched.filter(({ service }) => service === "ssm").map(({ resource }) => resource),
    ];
    const keys = configs.flatMap(({ encryptionKey }) => (encryptionKey ? [encryptionKey.keyArn] : []));
    return new FunctionRole(this, "Role", {
      description: `dbward ${server.stage}: takes changed configurations and secrets to the tasks`,
      policyName: "Apply",
      logGroup: this.logGroup,
      statements: [
        allow("SeeServices", ["ecs:DescribeServices"], services, inCluster),
        allow("FindTasks", ["ecs:ListTasks"], ["*"], inCluster),
        allow("SeeTasks", ["ecs:DescribeTasks"], [tasksOf(stack, server.cluster)], inCluster),
        allow("SeeTaskDefinitions", ["ecs:DescribeTaskDefinition"], ["*"]),
        allow("ReplaceTasks", ["ecs:UpdateService"], services, inCluster),
        allow("KeepState", ["ssm:GetParameter", "ssm:PutParameter"], [this.state.parameterArn]),
        ...(secretArns.length > 0
          ? [allow("SeeVersionsOfSecrets", ["secretsmanager:ListSecretVersionIds"], [...new Set(secretArns)])]
          : []),
        ...(parameterArns.length > 0
          ? [
              allow(
                "ReadConfigurations",
                ["ssm:GetParameter", "ssm:GetParameterHistory"],
                [...new Set(parameterArns)],
              ),
            ]
          : []),
        ...(keys.length > 0
          ? [
              keyUse(this, {
                sid: "DecryptConfigurations",
                service: "ssm",
                keyArns: [...new Set(keys)],
                actions: ["kms:Decrypt"],
              }),
            ]
          : []),
      ],
      wildcards:
        "Ids of tasks are known only at run time, and ecs:ListTasks and ecs:DescribeTaskDefinition know no resource: " +
        "the first is bound to the cluster, and a task definition holds no secret.",
    });
  }
}

/** The configurations in SSM. */
function configsOf(server: DbwardServer, agents: readonly AppliedAgent[]): ContainerSecret[] {
  return [server, ...agents].flatMap(({ configParameter }) =>
    configParameter instanceof ContainerSecret ? [configParameter] : [],
  );
}
