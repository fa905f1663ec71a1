import { LOG_FILTER_VARIABLE, NO_INSTANCE_METADATA_VARIABLE, SERVER, stageNames } from "@dbward-aws/contract";
import {
  type ResultStorage as ResultStorageConfig,
  serverCommand,
  serverEnvironment,
} from "@dbward-aws/dbward-config";
import { type StageSettings, serverContainer } from "@dbward-aws/settings";
import { Duration, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import type * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import type * as iam from "aws-cdk-lib/aws-iam";
import type * as logs from "aws-cdk-lib/aws-logs";
import * as servicediscovery from "aws-cdk-lib/aws-servicediscovery";
import { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";
import type { DbwardNetwork } from "../network/dbward-network.ts";
import type { ResultStorage } from "../storage/result-storage.ts";
import { acceptTaskFindings } from "../task/accept-task-findings.ts";
import { configSecret } from "../task/config-secret.ts";
import { containerImage } from "../task/container-image.ts";
import { namedSecrets } from "../task/named-secret.ts";
import { serviceLogGroup } from "../task/service-log-group.ts";
import { deploymentMistakes } from "./deployment-rules.ts";
import { NFS_PORT, type ServerFileSystem } from "./server-file-system.ts";
import { ServerLoadBalancer } from "./server-load-balancer.ts";

export interface DbwardServerProps {
  readonly settings: StageSettings;
  readonly network: DbwardNetwork;
  readonly fileSystem: ServerFileSystem;
  /** Role of the server's container; the file system's policy names it. */
  readonly taskRole: iam.IRole;
  /**
   * The bucket for results.
   * @default - results are kept on the file system
   */
  readonly storage?: ResultStorage;
}

/** Volume of the task definition. */
const STATE_VOLUME = "state";
/** A server that migrates its database at its start does not answer yet, and must not be stopped in the midst of it. */
const MIGRATION_TIME = Duration.minutes(5);
/**
 * Name under which Service Connect registers the server in Cloud Map. It must not be {@link SERVER.dnsName}: that
 * service, in the same namespace, holds the DNS record. Agents never see it, they use the alias.
 */
const SERVICE_CONNECT_REGISTRATION = "server-connect";

/**
 * The dbward server: an ECS cluster with one service of one task, reached by agents through Service Connect
 * (`http://server:3000`) and by everything else in the VPC through private DNS.
 */
export class DbwardServer extends Construct {
  readonly cluster: ecs.Cluster;
  /** The stage's Cloud Map namespace: agents are clients of it. */
  readonly namespace: servicediscovery.INamespace;
  readonly service: ecs.FargateService;
  readonly taskDefinition: ecs.FargateTaskDefinition;
  readonly logGroup: logs.LogGroup;
  readonly securityGroup: ec2.SecurityGroup;
  /** Where clients in the VPC reach the server: `http://server.dbward-<stage>.internal:3000`. */
  readonly url: string;
  /** Where people reach it: the load balancer's address when there is one, else {@link url}. */
  readonly endpoint: string;
  readonly loadBalancer?: elb.ApplicationLoadBalancer;
  readonly targetGroup?: elb.ApplicationTargetGroup;

  constructor(scope: Construct, id: string, props: DbwardServerProps) {
    super(scope, id);
    const { settings, network, fileSystem } = props;
    const names = stageNames(settings.stage);
    const exec = settings.capture.method === "exec";

    this.url = `http://${SERVER.dnsName}.${names.namespace}:${SERVER.port}`;
    this.cluster = new ecs.Cluster(this, "Cluster", {
      clusterName: names.cluster,
      vpc: network.vpc,
      containerInsightsV2: ecs.ContainerInsights.DISABLED,
      // A logged session would keep the tokens that pass through it.
      executeCommandConfiguration: { logging: ecs.ExecuteCommandLogging.NONE },
    });
    acceptFindings(this.cluster, [
      {
        id: "AwsSolutions-ECS4",
        reason: "The poller's metrics and ECS's own say what Container Insights would, and cost less.",
      },
    ]);
    // One namespace serves both: Service Connect for agents, and DNS for what can't be its client, such as a function.
    // It goes to services by its ARN: by name ECS knows HTTP namespaces only, and would quietly make one more.
    const namespace = this.cluster.addDefaultCloudMapNamespace({
      name: names.namespace,
      type: servicediscovery.NamespaceType.DNS_PRIVATE,
      vpc: network.vpc,
      useForServiceConnect: true,
    });
    this.namespace = namespace;
    this.logGroup = serviceLogGroup(
      this,
      names.logGroup(names.serverService),
      settings.server.logRetentionDays,
    );
    this.securityGroup = this.#createSecurityGroup(props);
    this.taskDefinition = this.#createTaskDefinition(props);
    this.service = new ecs.FargateService(this, "Service", {
      cluster: this.cluster,
      serviceName: names.serverService,
      taskDefinition: this.taskDefinition,
      desiredCount: 1,
      minHealthyPercent: settings.server.deployment.minimumHealthyPercent,
      maxHealthyPercent: settings.server.deployment.maximumPercent,
      // Rebalancing starts the new task before it stops the old one: two writers.
      availabilityZoneRebalancing: ecs.AvailabilityZoneRebalancing.DISABLED,
      // No rollback: a new version has migrated the database when it fails, and the old one starts on it without a word.
      circuitBreaker: { enable: true, rollback: false },
      vpcSubnets: network.taskSubnets,
      assignPublicIp: network.assignPublicIp,
      securityGroups: [this.securityGroup],
      enableExecuteCommand: exec,
      enableECSManagedTags: true,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
      ...(settings.server.loadBalancer === undefined ? {} : { healthCheckGracePeriod: MIGRATION_TIME }),
      serviceConnectConfiguration: {
        namespace: namespace.namespaceArn,
        services: [
          {
            portMappingName: SERVER.serviceConnectName,
            discoveryName: SERVICE_CONNECT_REGISTRATION,
            dnsName: SERVER.serviceConnectName,
            port: SERVER.port,
          },
        ],
      },
      cloudMapOptions: {
        cloudMapNamespace: namespace,
        name: SERVER.dnsName,
        dnsRecordType: servicediscovery.DnsRecordType.A,
        dnsTtl: Duration.seconds(10),
      },
    });
    // The first task must be able to mount, to log and to read its secrets.
    this.service.node.addDependency(
      fileSystem.allowMountFrom(this, "MountState", this.securityGroup),
      this.taskDefinition.obtainExecutionRole(),
    );

    acceptTaskFindings(this.taskDefinition, props.taskRole, exec);

    if (settings.server.loadBalancer === undefined) this.endpoint = this.url;
    else {
      const balancer = new ServerLoadBalancer(this, "LoadBalancer", {
        settings: settings.server.loadBalancer,
        network,
        service: this.service,
      });
      this.endpoint = balancer.url;
      this.loadBalancer = balancer.loadBalancer;
      this.targetGroup = balancer.targetGroup;
    }
    this.node.addValidation({ validate: () => deploymentMistakes(settings.server) });
  }

  /**
   * Opens the API's port to the members of a group. The rule belongs to `scope`, and goes with its stack. Whatever
   * calls the server at once has to wait for it.
   *
   * @param description who they are, for the reader of the rule
   */
  allowFrom(
    scope: Construct,
    id: string,
    group: ec2.ISecurityGroup,
    description: string,
  ): ec2.CfnSecurityGroupIngress {
    return new ec2.CfnSecurityGroupIngress(scope, id, {
      groupId: this.securityGroup.securityGroupId,
      sourceSecurityGroupId: group.securityGroupId,
      ipProtocol: "tcp",
      fromPort: SERVER.port,
      toPort: SERVER.port,
      description,
    });
  }

  #createSecurityGroup({ settings, network, fileSystem }: DbwardServerProps): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(this, "SecurityGroup", {
      vpc: network.vpc,
      description: "dbward server",
      allowAllOutbound: false,
    });
    for (const cidr of settings.server.allowedCidrs)
      group.addIngressRule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(SERVER.port), "API from server.allowedCidrs");
    group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), "AWS APIs, registry, licence");
    group.addEgressRule(
      ec2.Peer.securityGroupId(fileSystem.securityGroup.securityGroupId),
      NFS_PORT,
      "File system",
    );
    group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(53), "DNS");
    group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.udp(53), "DNS");
    return group;
  }

  #createTaskDefinition(props: DbwardServerProps): ecs.FargateTaskDefinition {
    const { settings, fileSystem, storage } = props;
    const { server } = settings;
    const taskDefinition = new ecs.FargateTaskDefinition(this, "Task", {
      family: `${stageNames(settings.stage).cluster}-server`,
      cpu: server.cpu,
      memoryLimitMiB: server.memoryMiB,
      taskRole: props.taskRole,
      volumes: [
        {
          name: STATE_VOLUME,
          efsVolumeConfiguration: {
            fileSystemId: fileSystem.fileSystem.fileSystemId,
            transitEncryption: "ENABLED",
            authorizationConfig: {
              accessPointId: fileSystem.accessPoint.accessPointId,
              iam: "ENABLED",
            },
          },
        },
      ],
    });
    storage?.grantResults(props.taskRole);

    const command = serverCommand(serverContainer(server));
    const container = taskDefinition.addContainer(SERVER.container, {
      image: containerImage(this, server.image),
      // The image's own entry point is set aside: the shell is the entry point, its script the command.
      entryPoint: command.slice(0, 2),
      command: command.slice(2),
      environment: {
        ...serverEnvironment(server.config, this.#resultStorage(storage)),
        [LOG_FILTER_VARIABLE]: server.rustLog,
        [NO_INSTANCE_METADATA_VARIABLE]: "true",
      },
      secrets: {
        ...configSecret(this, server.config),
        ...namedSecrets(this, server.secrets),
        ...(server.licenseKeySecret === undefined
          ? {}
          : namedSecrets(this, { [SERVER.licenseKeyVariable]: server.licenseKeySecret })),
      },
      // A running task neither gets nor loses the agent of ECS Exec: another method has to replace it.
      dockerLabels: { "dbward.capture-method": settings.capture.method },
      logging: ecs.LogDrivers.awsLogs({ logGroup: this.logGroup, streamPrefix: SERVER.container }),
      healthCheck: {
        command: ["CMD-SHELL", `curl -sf http://localhost:${SERVER.port}/health || exit 1`],
        interval: Duration.seconds(10),
        timeout: Duration.seconds(5),
        retries: 3,
        // Failures count only after it, and a success ends it at once: long, so that no migration is stopped midway.
        startPeriod: Duration.minutes(5),
      },
      linuxParameters: new ecs.LinuxParameters(this, "Linux", { initProcessEnabled: true }),
      stopTimeout: Duration.seconds(server.stopTimeoutSeconds),
      portMappings: [{ name: SERVER.serviceConnectName, containerPort: SERVER.port }],
    });
    container.addMountPoints({
      sourceVolume: STATE_VOLUME,
      containerPath: SERVER.stateDirectory,
      readOnly: false,
    });
    return taskDefinition;
  }

  #resultStorage(storage: ResultStorage | undefined): ResultStorageConfig {
    return storage === undefined
      ? { backend: "local" }
      : { backend: "s3", bucket: storage.bucket.bucketName, region: Stack.of(this).region };
  }
}
