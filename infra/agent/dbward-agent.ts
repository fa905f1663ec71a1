import {
  AGENT,
  LOG_FILTER_VARIABLE,
  NO_INSTANCE_METADATA_VARIABLE,
  SERVER,
  stageNames,
} from "@dbward-aws/contract";
import { agentCommand, agentEnvironment } from "@dbward-aws/dbward-config";
import { type AgentSettings, agentContainer, type StageSettings } from "@dbward-aws/settings";
import { Duration, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import type * as logs from "aws-cdk-lib/aws-logs";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import type { DbwardNetwork } from "../network/dbward-network.ts";
import type { DbwardServer } from "../server/dbward-server.ts";
import { acceptTaskFindings } from "../task/accept-task-findings.ts";
import { configSecret } from "../task/config-secret.ts";
import { containerImage } from "../task/container-image.ts";
import { namedSecrets } from "../task/named-secret.ts";
import { serviceLogGroup } from "../task/service-log-group.ts";
import { TaskRole } from "../task/task-role.ts";

export interface DbwardAgentProps {
  readonly stage: StageSettings;
  readonly settings: AgentSettings;
  readonly network: DbwardNetwork;
  readonly server: DbwardServer;
  /** Subject of the agent's token: the id of its row in `GET /api/agents`. */
  readonly subject: string;
  /** Secret with the agent's token. */
  readonly tokenSecret: secretsmanager.ISecret;
  /** Version id of the token; the tasks are replaced when it changes. */
  readonly tokenVersion: string;
}

/**
 * An agent that loses its server takes its ready file away within seconds, and puts it back at the first good poll. The
 * server is away for 1.5 to 3 minutes at each of its deployments, and no agent is to be replaced for that: ten failed
 * checks, the most that ECS takes, half a minute apart are at least four and a half minutes. A process that ends is
 * noticed at once in any case: its container ends with it.
 */
const PATIENCE = { interval: Duration.seconds(30), retries: 10 };

/** A dbward agent: an ECS service of its own, the only part of a stage that reaches the database. */
export class DbwardAgent extends Construct {
  /** Name of the agent, as in the settings. */
  readonly name: string;
  /** Subject of its token. */
  readonly subject: string;
  /** Tasks that the settings want. */
  readonly desiredCount: number;
  readonly service: ecs.FargateService;
  readonly taskDefinition: ecs.FargateTaskDefinition;
  readonly logGroup: logs.LogGroup;
  readonly securityGroup: ec2.SecurityGroup;
  /** Names and ARN for other stacks, written out: a reference would keep the agent from being removed. */
  readonly serviceName: string;
  readonly serviceArn: string;
  readonly logGroupName: string;

  constructor(scope: Construct, id: string, props: DbwardAgentProps) {
    super(scope, id);
    const { settings, network, server } = props;
    const names = stageNames(props.stage.stage);

    this.name = settings.name;
    this.subject = props.subject;
    this.desiredCount = settings.desiredCount;
    this.serviceName = names.agentService(settings.name);
    this.serviceArn = Stack.of(this).formatArn({
      service: "ecs",
      resource: "service",
      resourceName: `${names.cluster}/${this.serviceName}`,
    });
    this.logGroupName = names.logGroup(this.serviceName);
    this.logGroup = serviceLogGroup(this, this.logGroupName, settings.logRetentionDays);
    this.securityGroup = this.#createSecurityGroup(props);
    const openPort = server.allowFrom(this, "ReachServer", this.securityGroup, `Agent ${settings.name}`);

    this.taskDefinition = new ecs.FargateTaskDefinition(this, "Task", {
      family: `${names.cluster}-${this.serviceName}`,
      cpu: settings.cpu,
      memoryLimitMiB: settings.memoryMiB,
      taskRole: new TaskRole(this, "TaskRole", { description: `dbward agent ${settings.name}` }),
    });
    const command = agentCommand(agentContainer(settings));
    this.taskDefinition.addContainer(AGENT.container, {
      image: containerImage(this, settings.image),
      entryPoint: command.slice(0, 2),
      command: command.slice(2),
      environment: {
        ...agentEnvironment(settings.config),
        [LOG_FILTER_VARIABLE]: settings.rustLog,
        [NO_INSTANCE_METADATA_VARIABLE]: "true",
        [AGENT.tokenVersionVariable]: props.tokenVersion,
      },
      secrets: {
        ...configSecret(this, settings.config),
        ...namedSecrets(this, {
          ...settings.secrets,
          [AGENT.databaseUrlVariable]: settings.database.urlSecret,
        }),
        [AGENT.tokenVariable]: ecs.Secret.fromSecretsManager(props.tokenSecret),
      },
      // A running task neither gets nor loses the agent of ECS Exec: the setting has to replace it.
      ...(settings.ecsExec ? { dockerLabels: { "dbward.ecs-exec": "true" } } : {}),
      logging: ecs.LogDrivers.awsLogs({ logGroup: this.logGroup, streamPrefix: AGENT.container }),
      healthCheck: {
        command: ["CMD-SHELL", `test -f ${AGENT.readyFile}`],
        ...PATIENCE,
        timeout: Duration.seconds(5),
        startPeriod: Duration.seconds(60),
      },
      linuxParameters: new ecs.LinuxParameters(this, "Linux", { initProcessEnabled: true }),
      stopTimeout: Duration.seconds(settings.stopTimeoutSeconds),
    });

    this.service = new ecs.FargateService(this, "Service", {
      cluster: server.cluster,
      serviceName: this.serviceName,
      taskDefinition: this.taskDefinition,
      desiredCount: settings.desiredCount,
      // Agents keep nothing: the new one works before the old one leaves, and a bad version goes back by itself.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { enable: true, rollback: true },
      vpcSubnets: network.taskSubnets,
      assignPublicIp: network.assignPublicIp,
      securityGroups: [this.securityGroup],
      enableExecuteCommand: settings.ecsExec,
      enableECSManagedTags: true,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
      // A client of the namespace only: it offers nothing, and resolves `server`.
      serviceConnectConfiguration: { namespace: server.namespace.namespaceArn },
    });
    // The first task must be able to read its secrets, and find the server.
    this.service.node.addDependency(openPort, this.taskDefinition.obtainExecutionRole());
    acceptTaskFindings(this.taskDefinition, this.taskDefinition.taskRole, settings.ecsExec);
  }

  #createSecurityGroup({ settings, network, server }: DbwardAgentProps): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(this, "SecurityGroup", {
      vpc: network.vpc,
      description: `dbward agent ${settings.name}`,
      allowAllOutbound: false,
    });
    group.addEgressRule(
      ec2.Peer.securityGroupId(server.securityGroup.securityGroupId),
      ec2.Port.tcp(SERVER.port),
      "dbward server",
    );
    for (const cidr of settings.database.cidrs)
      group.addEgressRule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(settings.database.port), "Database");
    group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), "AWS APIs, registry");
    group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(53), "DNS");
    group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.udp(53), "DNS");
    return group;
  }
}
