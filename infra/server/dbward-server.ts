import { CONFIG_VARIABLE, SERVER, SERVER_PART, stageNames } from "@dbward-aws/contract";
import { checkServerText, serverCommand, serverEnvironment } from "@dbward-aws/dbward-config";
import { Duration, Names, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import type * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import type * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import * as servicediscovery from "aws-cdk-lib/aws-servicediscovery";
import { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";
import { DbwardLogGroup } from "../dbward-log-group.ts";
import { DbwardSecurityGroup } from "../network/dbward-security-group.ts";
import { DEFAULT_SUBNETS } from "../network/task-subnets.ts";
import { PropProblems } from "../prop-problems.ts";
import { NewFileSystem } from "../state/new-file-system.ts";
import type { ResultStorage } from "../state/result-storage.ts";
import type { ServerFileSystem } from "../state/server-file-system.ts";
import { checkConfigText, configSecret } from "../task/config-text.ts";
import { ContainerSecret } from "../task/container-secret.ts";
import { DbwardTask } from "../task/dbward-task.ts";
import { checkTaskProps } from "../task/task-props.ts";
import { TaskRole } from "../task/task-role.ts";
import type { ServerConfig } from "./server-config.ts";
import { ServerListener, type ServerListenerOptions } from "./server-listener.ts";
import { ServerLoadBalancer, type ServerLoadBalancerOptions } from "./server-load-balancer.ts";

export interface DbwardServerProps {
  readonly vpc: ec2.IVpc;
  /**
   * The server's image. Pin its version: a newer server migrates its database, and no older one starts on it
   * again.
   */
  readonly image: ecs.ContainerImage;
  readonly config: ServerConfig;
  /**
   * Name of the stage, by which everything of it is known: `dbward-<stage>` is part of the names of the
   * cluster, the namespace, log groups, secrets and alarms, and the stage is the dimension of the metrics.
   * @default - made of the construct's path
   */
  readonly stage?: string;
  /**
   * Subnets of the tasks: of the server, its agents and the poller.
   * @default - private subnets with a way out, one in each availability zone
   */
  readonly vpcSubnets?: ec2.SubnetSelection;
  /** Whether tasks need a public address to reach AWS and the registry. @default false */
  readonly assignPublicIp?: boolean;
  /**
   * Cluster of the server and its agents. A cluster that logs its ECS Exec sessions would log the captured
   * tokens.
   * @default - a new one, which logs no sessions
   */
  readonly cluster?: ecs.ICluster;
  /**
   * Name of the ECS service.
   * @default - `server`; in a given `cluster`, where services of others may be, `dbward-<stage>-server`
   */
  readonly serviceName?: string;
  /** Where results are kept. @default - on the file system */
  readonly results?: ResultStorage;
  /**
   * File system with the server's database and tokens.
   * @default - a new one, encrypted, backed up daily, and kept when the stack is deleted
   */
  readonly fileSystem?: ServerFileSystem;
  /**
   * Secrets that the configuration refers to as `${NAME}`, by that name.
   * @default - none
   */
  readonly secrets?: Readonly<Record<string, ecs.Secret | secretsmanager.ISecret>>;
  /** dbward's licence key. @default - none */
  readonly licenseKey?: ecs.Secret | secretsmanager.ISecret;
  /** Load balancer in front of the server. @default - none */
  readonly loadBalancer?: ServerLoadBalancerOptions;
  /** Listener of an existing load balancer that forwards to the server, in place of `loadBalancer`. @default - none */
  readonly listener?: ServerListenerOptions;
  /** CPU units, 1024 a vCPU. @default 512 */
  readonly cpu?: number;
  /** Memory in MiB, one of the sizes that Fargate offers with `cpu`. @default 1024 */
  readonly memoryLimitMiB?: number;
  /**
   * Processor of the server's task, and of its agents unless they say otherwise. The image must be made for
   * it, as dbward's own are for both.
   * @default ecs.CpuArchitecture.ARM64 - a fifth cheaper than X86_64
   */
  readonly cpuArchitecture?: ecs.CpuArchitecture;
  /** Filter of the server's log, in the form of `RUST_LOG`. @default "info" */
  readonly logFilter?: string;
  /** How long the log is kept. @default - two weeks */
  readonly logRetention?: logs.RetentionDays;
  /**
   * Time from the signal that stops the server to the one that kills it; 120 seconds at most.
   * @default - 120 seconds
   */
  readonly stopTimeout?: Duration;
  /**
   * Whether ECS Exec is on: `CaptureMethod.exec()` needs it, and so do the tools for operation.
   * @default true
   */
  readonly enableExecuteCommand?: boolean;
  /** Role of the server's container. @default - a new one */
  readonly taskRole?: iam.IRole;
  /**
   * Customer managed key of the log group and of a new file system. CloudWatch Logs must be allowed to use
   * it.
   * @default - keys of AWS
   */
  readonly encryptionKey?: kms.IKey;
}

/**
 * A server that migrates its database at its start does not answer yet, and must not be stopped meanwhile.
 */
const MIGRATION_TIME = Duration.minutes(5);
/**
 * Name under which Service Connect registers the server in Cloud Map. It must not be {@link SERVER.dnsName}:
 * that service, in the same namespace, holds the DNS record. Agents never see it, they use the alias.
 */
const SERVICE_CONNECT_REGISTRATION = "server-connect";
/**
 * Letters, digits and hyphens, as in the names of DNS zones and ECS clusters; the longest name made of it has
 * 64.
 */
const STAGE_NAME = /^[A-Za-z][A-Za-z0-9-]{0,39}$/;

/**
 * The dbward server: an ECS service of one task, which agents reach through Service Connect
 * (`http://server:3000`) and everything else in the VPC through private DNS. Its clients need a security
 * group that `connections` let in.
 */
export class DbwardServer extends Construct implements ec2.IConnectable {
  /** Name of the stage. */
  readonly stage: string;
  readonly vpc: ec2.IVpc;
  readonly vpcSubnets: ec2.SubnetSelection;
  readonly assignPublicIp: boolean;
  readonly image: ecs.ContainerImage;
  readonly cpuArchitecture: ecs.CpuArchitecture;
  readonly cluster: ecs.ICluster;
  /** Whether the cluster was created for this server, and runs nothing but its stage. */
  readonly ownsCluster: boolean;
  /** Name of the cluster, written out where it is known: a reference would make its readers wait. */
  readonly clusterName: string;
  /** The stage's Cloud Map namespace: agents are clients of it. */
  readonly namespace: servicediscovery.INamespace;
  readonly service: ecs.FargateService;
  /** Name of the service, written out as {@link clusterName}. */
  readonly serviceName: string;
  /** What the name of an agent's service has before the agent's name. */
  readonly agentServicePrefix: string;
  readonly taskDefinition: ecs.FargateTaskDefinition;
  readonly logGroup: logs.LogGroup;
  readonly fileSystem: ServerFileSystem;
  readonly securityGroup: ec2.ISecurityGroup;
  /** The server's security group; the default port is that of the API. */
  readonly connections: ec2.Connections;
  /** Where clients in the VPC reach the server: `http://server.dbward-<stage>.internal:3000`. */
  readonly url: string;
  /** Where people reach it: the load balancer's address if there is one, otherwise {@link url}. */
  readonly endpoint: string;
  /** The load balancer that was created for this server. */
  readonly loadBalancer?: elb.ApplicationLoadBalancer;
  /** The load balancer in front of the server, whosever it is, as metrics know it: `app/NAME/ID`. */
  readonly loadBalancerFullName?: string;
  readonly targetGroup?: elb.ApplicationTargetGroup;
  /** Whether ECS Exec is on. */
  readonly enableExecuteCommand: boolean;
  /** The configuration, if it is in SSM. */
  readonly configParameter?: ecs.Secret;
  /** Everything else that ECS reads from Secrets Manager and SSM when a task starts. */
  readonly startValues: readonly ecs.Secret[];

  /** @throws InvalidPropsError when props can't be deployed together, with everything that is wrong */
  constructor(scope: Construct, id: string, props: DbwardServerProps) {
    super(scope, id);
    this.stage =
      props.stage ?? Names.uniqueResourceName(this, { maxLength: 32, separator: "-" }).toLowerCase();
    this.#check(props);
    const names = stageNames(this.stage);
    this.vpc = props.vpc;
    this.vpcSubnets = props.vpcSubnets ?? DEFAULT_SUBNETS;
    this.assignPublicIp = props.assignPublicIp ?? false;
    this.image = props.image;
    this.cpuArchitecture = props.cpuArchitecture ?? ecs.CpuArchitecture.ARM64;
    this.enableExecuteCommand = props.enableExecuteCommand ?? true;
    this.url = `http://${SERVER.dnsName}.${names.namespace}:${SERVER.port}`;

    this.ownsCluster = props.cluster === undefined;
    this.cluster = props.cluster ?? this.#createCluster(names.cluster);
    this.clusterName = this.ownsCluster ? names.cluster : this.cluster.clusterName;
    const services = this.ownsCluster ? names : stageNames(this.stage, this.clusterName);
    this.serviceName = props.serviceName ?? services.serverService;
    this.agentServicePrefix = services.agentService("");
    this.namespace = this.#createNamespace(names.namespace);
    this.logGroup = new DbwardLogGroup(this, "LogGroup", {
      logGroupName: names.logGroup(SERVER_PART),
      retention: props.logRetention ?? logs.RetentionDays.TWO_WEEKS,
      encryptionKey: props.encryptionKey,
    });
    this.fileSystem =
      props.fileSystem ??
      new NewFileSystem(this, "FileSystem", {
        vpc: this.vpc,
        vpcSubnets: this.vpcSubnets,
        ...(props.encryptionKey && { encryptionKey: props.encryptionKey }),
      });

    const group = new DbwardSecurityGroup(this, "SecurityGroup", {
      vpc: this.vpc,
      description: "dbward server",
    });
    this.securityGroup = group;
    this.connections = new ec2.Connections({
      securityGroups: [group],
      defaultPort: ec2.Port.tcp(SERVER.port),
    });
    group.allowHttps("AWS APIs, registry, licence");
    const mountRule = this.fileSystem.allowMountFrom(this, "MountState", group);
    group.allowDns();

    const config = configSecret(this, props.config.text);
    if (config) this.configParameter = config;
    const secrets = startSecrets(props);
    this.startValues = Object.values(secrets);
    const task = this.#createTask(props, config, secrets);
    this.taskDefinition = task;
    this.service = this.#createService(props, group);
    // The first task must be able to mount, to log and to read its secrets.
    this.service.node.addDependency(mountRule, task.obtainExecutionRole());
    if (this.enableExecuteCommand) task.acceptExecFindings();

    if (props.listener !== undefined) {
      const { targetGroup, loadBalancerFullName } = new ServerListener(this, "Listener", {
        ...props.listener,
        vpc: this.vpc,
        service: this.service,
      });
      this.endpoint = props.listener.url;
      this.targetGroup = targetGroup;
      this.loadBalancerFullName = loadBalancerFullName;
    } else if (props.loadBalancer === undefined) this.endpoint = this.url;
    else {
      const balancer = new ServerLoadBalancer(this, "LoadBalancer", {
        ...props.loadBalancer,
        vpc: this.vpc,
        vpcSubnets: props.loadBalancer.vpcSubnets ?? this.vpcSubnets,
        service: this.service,
      });
      this.endpoint = balancer.url;
      this.loadBalancer = balancer.loadBalancer;
      this.loadBalancerFullName = balancer.loadBalancer.loadBalancerFullName;
      this.targetGroup = balancer.targetGroup;
    }
  }

  /**
   * Opens the API to the members of a security group of this library.
   *
   * @param scope what the rule on the server's side belongs to, and is removed with
   * @returns that rule: what calls the server at once has to depend on it
   * @internal
   */
  allowFrom(
    scope: Construct,
    id: string,
    group: DbwardSecurityGroup,
    names: { readonly source: string; readonly destination?: string },
  ): ec2.CfnSecurityGroupIngress {
    return group.allowTo(scope, id, {
      to: this.securityGroup,
      port: SERVER.port,
      destination: names.destination ?? "dbward server",
      source: names.source,
    });
  }

  #check({ config, results, secrets = {}, ...props }: DbwardServerProps): void {
    const problems = new PropProblems(this);
    problems.expectText(
      this.stage,
      STAGE_NAME,
      "stage",
      "must be 1 to 40 letters, digits and hyphens and begin with a letter",
    );
    problems.expect(
      props.listener === undefined || props.loadBalancer === undefined,
      "listener",
      "can't be given together with loadBalancer: people reach the server through one of the two",
    );
    checkTaskProps(problems, {
      cpu: props.cpu ?? 512,
      memoryLimitMiB: props.memoryLimitMiB ?? 1024,
      stopTimeoutSeconds: props.stopTimeout?.toSeconds() ?? 120,
      variables: Object.keys(secrets).map((name) => [`secrets.${name}`, name]),
    });
    checkConfigText(this, config.text, problems, (name, toml, findings) =>
      checkServerText(
        name,
        toml,
        {
          secrets: Object.keys(secrets),
          rustLog: props.logFilter ?? "info",
          backend: results === undefined ? "local" : "s3",
        },
        findings,
      ),
    );
    problems.throwIfAny();
  }

  #createCluster(clusterName: string): ecs.Cluster {
    const cluster = new ecs.Cluster(this, "Cluster", {
      clusterName,
      vpc: this.vpc,
      // For the agents: the server is always on demand.
      enableFargateCapacityProviders: true,
      containerInsightsV2: ecs.ContainerInsights.DISABLED,
      // A logged session would keep the tokens that pass through it.
      executeCommandConfiguration: { logging: ecs.ExecuteCommandLogging.NONE },
    });
    acceptFindings(cluster, [
      {
        id: "AwsSolutions-ECS4",
        reason: "The poller's metrics and those of ECS say what Container Insights would, and cost less.",
      },
    ]);
    return cluster;
  }

  /**
   * One namespace for Service Connect, which agents use, and for DNS, for what can't be its client, such as a
   * function. Services name it by its ARN: by name ECS knows HTTP namespaces only, and would silently create
   * one more.
   */
  #createNamespace(name: string): servicediscovery.INamespace {
    if (!(this.cluster instanceof ecs.Cluster && this.ownsCluster))
      return new servicediscovery.PrivateDnsNamespace(this, "Namespace", { name, vpc: this.vpc });
    return this.cluster.addDefaultCloudMapNamespace({
      name,
      type: servicediscovery.NamespaceType.DNS_PRIVATE,
      vpc: this.vpc,
      useForServiceConnect: true,
    });
  }

  #createTask(
    props: DbwardServerProps,
    configParameter: ecs.Secret | undefined,
    startValues: Readonly<Record<string, ecs.Secret>>,
  ): DbwardTask {
    const { results, licenseKey, secrets = {}, config } = props;
    const taskRole =
      props.taskRole ??
      new TaskRole(this, "TaskRole", { description: `dbward server of stage ${this.stage}` });
    const task = new DbwardTask(this, "Task", {
      family: `${stageNames(this.stage).cluster}-server`,
      cpu: props.cpu ?? 512,
      memoryLimitMiB: props.memoryLimitMiB ?? 1024,
      cpuArchitecture: this.cpuArchitecture,
      taskRole,
    });
    this.fileSystem.grantReadWrite(taskRole);
    results?.grantReadWrite(taskRole);

    const container = task.addDbwardContainer(SERVER.container, {
      image: this.image,
      command: serverCommand({
        config: config.text.source,
        secretVariables: Object.keys(secrets),
        programVariables: licenseKey === undefined ? [] : [SERVER.licenseKeyVariable],
      }),
      environment: serverEnvironment(
        config.text.source,
        results === undefined
          ? { backend: "local" }
          : { backend: "s3", bucket: results.bucket.bucketName, region: Stack.of(this).region },
      ),
      logFilter: props.logFilter ?? "info",
      secrets: {
        ...(configParameter && { [CONFIG_VARIABLE]: configParameter }),
        ...startValues,
      },
      enableExecuteCommand: this.enableExecuteCommand,
      // A running task neither gets nor loses the agent of ECS Exec: a change has to replace it.
      dockerLabels: { "dbward.capture-method": this.enableExecuteCommand ? "exec" : "task" },
      logGroup: this.logGroup,
      healthCheck: {
        command: ["CMD-SHELL", `curl -sf http://localhost:${SERVER.port}/health || exit 1`],
        interval: Duration.seconds(10),
        timeout: Duration.seconds(5),
        retries: 3,
        // Failures count only after it, and a success ends it at once: long, so that it interrupts no
        // migration.
        startPeriod: MIGRATION_TIME,
      },
      stopTimeout: props.stopTimeout ?? Duration.seconds(120),
      portMappings: [{ name: SERVER.serviceConnectName, containerPort: SERVER.port }],
    });
    this.fileSystem.mount(container, { readOnly: false });
    return task;
  }

  #createService(props: DbwardServerProps, group: ec2.SecurityGroup): ecs.FargateService {
    return new ecs.FargateService(this, "Service", {
      cluster: this.cluster,
      serviceName: this.serviceName,
      taskDefinition: this.taskDefinition,
      desiredCount: 1,
      // Two servers that write to the one SQLite file corrupt it: the old task ends before the new one
      // starts. Every deployment of the server is 1.5 to 3 minutes without one.
      minHealthyPercent: 0,
      maxHealthyPercent: 100,
      // Rebalancing starts the new task before it stops the old one: two writers.
      availabilityZoneRebalancing: ecs.AvailabilityZoneRebalancing.DISABLED,
      // No rollback: a new version has migrated the database when it fails, and the old one would start on it
      // anyway.
      circuitBreaker: { enable: true, rollback: false },
      vpcSubnets: this.vpcSubnets,
      assignPublicIp: this.assignPublicIp,
      securityGroups: [group],
      enableExecuteCommand: this.enableExecuteCommand,
      enableECSManagedTags: true,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
      ...((props.loadBalancer ?? props.listener) && { healthCheckGracePeriod: MIGRATION_TIME }),
      serviceConnectConfiguration: {
        namespace: this.namespace.namespaceArn,
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
        cloudMapNamespace: this.namespace,
        name: SERVER.dnsName,
        dnsRecordType: servicediscovery.DnsRecordType.A,
        dnsTtl: Duration.seconds(10),
      },
    });
  }
}

/** What a task reads when it starts, by the variable. */
function startSecrets({ secrets = {}, licenseKey }: DbwardServerProps): Record<string, ecs.Secret> {
  return {
    ...Object.fromEntries(
      Object.entries(secrets).map(([name, secret]) => [name, ContainerSecret.from(secret)]),
    ),
    ...(licenseKey && { [SERVER.licenseKeyVariable]: ContainerSecret.from(licenseKey) }),
  };
}
