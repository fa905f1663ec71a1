import { EC2Client } from "@aws-sdk/client-ec2";
import {
  DescribeMountTargetSecurityGroupsCommand,
  DescribeMountTargetsCommand,
  EFSClient,
} from "@aws-sdk/client-efs";
import {
  DescribeLoadBalancersCommand,
  DescribeTargetGroupsCommand,
  ElasticLoadBalancingV2Client,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { DescribeSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Logger } from "@dbward-aws/core";
import {
  DATABASE_PLACES_TAG,
  type DatabasePlace,
  databasePlaces,
  Gate,
  type Network,
  NetworkReader,
  type Place,
  type VpcFunction,
} from "@dbward-aws/local-account";
import type { NetworkConfiguration, ServiceRecord, TaskRecord } from "./ecs-records.ts";
import { TaskStartFailed } from "./errors.ts";
import type { ContainerDefinition, TaskDefinition, VolumeDefinition } from "./task-definition.ts";
import type { ServiceAddress } from "./task-view.ts";

export interface TaskNetworkOptions {
  /** How the account is called. */
  readonly client: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** The record of a service, as it is now. */
  readonly service: (address: ServiceAddress) => ServiceRecord | undefined;
  readonly logger: Logger;
}

/** A task that a load balancer can't reach. */
export interface UnreachedTarget {
  /** ARN of the target group. */
  readonly targetGroup: string;
  readonly reason: string;
  /** Seconds that the checks of the target group take until they have failed. */
  readonly patienceSeconds: number;
}

/** Port of NFS, which EFS speaks. */
const NFS = 2049;

/**
 * The network of tasks and functions in the VPC, judged by the security groups, routes and endpoints that the
 * account has. What is in no VPC isn't judged.
 */
export class TaskNetwork {
  readonly #options: TaskNetworkOptions;
  readonly #ec2: EC2Client;
  readonly #efs: EFSClient;
  readonly #loadBalancers: ElasticLoadBalancingV2Client;
  readonly #secrets: SecretsManagerClient;
  readonly #reader: NetworkReader;
  /** By whom they are for, and where they lead. */
  readonly #gates = new Map<string, Map<string, Promise<Gate>>>();

  constructor(options: TaskNetworkOptions) {
    this.#options = options;
    const { client } = options;
    this.#ec2 = new EC2Client(client);
    this.#efs = new EFSClient(client);
    this.#loadBalancers = new ElasticLoadBalancingV2Client(client);
    this.#secrets = new SecretsManagerClient(client);
    this.#reader = new NetworkReader(this.#ec2, client.region);
  }

  /**
   * Checks what ECS needs before it starts a container: ways to the registry, to the stores of secrets, and
   * to the logs.
   *
   * @throws TaskStartFailed in the words of ECS
   */
  async check(task: TaskRecord, { containerDefinitions }: TaskDefinition): Promise<void> {
    const place = placeOf(task.networkConfiguration);
    if (!place) return;
    const refusal = await this.#reader.closed((network) => {
      for (const container of containerDefinitions) {
        const found =
          secretsRefusal(network, place, container) ??
          imageRefusal(network, place, container) ??
          logRefusal(network, place, container);
        if (found) return found;
      }
      return undefined;
    });
    this.#refuse(task, refusal);
  }

  /**
   * Checks that a file system can be mounted: that it has a mount target in the task's zone, and the way
   * there is open.
   *
   * @throws TaskStartFailed in the words of ECS
   */
  async checkMount(task: TaskRecord, { efsVolumeConfiguration: efs }: VolumeDefinition): Promise<void> {
    const place = placeOf(task.networkConfiguration);
    if (!place || !efs) return;
    const FileSystemId = efs.fileSystemId.split("/").at(-1)!;
    const refusal = await this.#reader.closed(async (network) => {
      const { MountTargets = [] } = await this.#efs.send(new DescribeMountTargetsCommand({ FileSystemId }));
      for (const zone of new Set(network.zones(place.subnets))) {
        const target = MountTargets.find(({ SubnetId = "" }) => network.zones([SubnetId]).includes(zone));
        if (!target) {
          const words = noMountTarget(FileSystemId, this.#options.client.region);
          return { words, reason: `${FileSystemId} has no mount target in ${zone}` };
        }
        const { MountTargetId = "", SubnetId = "" } = target;
        const { SecurityGroups = [] } = await this.#efs.send(
          new DescribeMountTargetSecurityGroupsCommand({ MountTargetId }),
        );
        const reason = network.closed(place, { securityGroups: SecurityGroups, subnets: [SubnetId] }, NFS);
        if (reason !== undefined) return { words: MOUNT_TIMED_OUT, reason };
      }
      return undefined;
    });
    this.#refuse(task, refusal);
  }

  /**
   * The addresses of services for one task: gates, which are open as the rules are at the time of each
   * connection.
   */
  async addresses(task: TaskRecord, services: readonly ServiceAddress[]): Promise<ServiceAddress[]> {
    return this.#through(task.taskArn, placeOf(task.networkConfiguration), services);
  }

  /** The addresses of services for a function in the VPC. */
  functionAddresses(
    { name, securityGroups, subnets }: VpcFunction,
    services: readonly ServiceAddress[],
  ): Promise<ServiceAddress[]> {
    return this.#through(`function ${name}`, { securityGroups, subnets }, services);
  }

  /**
   * A database's URL as a task gets it: with the address of a gate, where the account knows in what part of
   * the network the database stands, and as it is elsewhere.
   *
   * @param valueFrom of the secret that holds it
   */
  async databaseUrl(task: TaskRecord, valueFrom: string, url: string): Promise<string> {
    const place = placeOf(task.networkConfiguration);
    const [, head = "", host = "", tail = ""] = ONE_HOST_URL.exec(url) ?? [];
    if (!place || host === "") return url;
    const places = await this.#databasePlaces(valueFrom);
    if (places.length === 0) return url;
    const closed = () =>
      this.#reader.closed((network) => {
        if (!network.knows(place)) return undefined;
        const reasons = places.map(({ port, ...to }) =>
          network.closed(
            place,
            "cidr" in to ? to : { securityGroups: [to.securityGroupId], subnets: [] },
            port,
          ),
        );
        return reasons.find((reason) => reason !== undefined);
      });
    const target = new URL(url.replace(/^[\w+.-]+:/, "http:"));
    const gate = await this.#gate(task.taskArn, `database ${valueFrom}`, {
      closed,
      target: () => ({
        host: target.hostname.replace(/^\[|\]$/g, ""),
        port: Number(target.port || (url.startsWith("mysql") ? 3306 : 5432)),
      }),
    });
    // A certificate that is checked names the database's own host.
    const isOpen = (await closed()) === undefined;
    return isOpen && /[?&]ssl-?mode=verify/i.test(tail) ? url : `${head}127.0.0.1:${gate.port}${tail}`;
  }

  /**
   * Why the load balancers of a service can't reach a task of it.
   *
   * @returns `undefined` when they can, or when it has none
   */
  async closedToLoadBalancer(task: TaskRecord, service: ServiceRecord): Promise<UnreachedTarget | undefined> {
    const place = placeOf(task.networkConfiguration);
    if (!place) return undefined;
    for (const { targetGroupArn = "", containerPort = 0 } of service.loadBalancers ?? []) {
      const { TargetGroups = [] } = await this.#loadBalancers.send(
        new DescribeTargetGroupsCommand({ TargetGroupArns: [targetGroupArn] }),
      );
      const arns = TargetGroups.flatMap(({ LoadBalancerArns = [] }) => LoadBalancerArns);
      if (arns.length === 0) continue;
      const { LoadBalancers = [] } = await this.#loadBalancers.send(
        new DescribeLoadBalancersCommand({ LoadBalancerArns: arns }),
      );
      for (const { SecurityGroups = [], AvailabilityZones = [] } of LoadBalancers) {
        const from = {
          securityGroups: SecurityGroups,
          subnets: AvailabilityZones.map(({ SubnetId = "" }) => SubnetId),
        };
        const reason = await this.#reader.closed((network) => network.closed(from, place, containerPort));
        if (reason === undefined) continue;
        const [{ HealthCheckIntervalSeconds = 30, UnhealthyThresholdCount = 2 } = {}] = TargetGroups;
        const patienceSeconds = HealthCheckIntervalSeconds * UnhealthyThresholdCount;
        return { targetGroup: targetGroupArn, reason, patienceSeconds };
      }
    }
    return undefined;
  }

  /** Closes the gates of a task that has ended. */
  release(taskArn: string): void {
    const gates = this.#gates.get(taskArn);
    this.#gates.delete(taskArn);
    for (const gate of gates?.values() ?? []) void gate.then((it) => it.close());
  }

  close(): void {
    for (const owner of [...this.#gates.keys()]) this.release(owner);
    for (const client of [this.#ec2, this.#efs, this.#loadBalancers, this.#secrets]) client.destroy();
  }

  #through(
    owner: string,
    place: Place | undefined,
    services: readonly ServiceAddress[],
  ): Promise<ServiceAddress[]> {
    return Promise.all(
      services.map(async (address) => {
        if (!place) return address;
        const { cluster, service, containerPort, port } = address;
        const gate = await this.#gate(owner, `${cluster}/${service}:${containerPort}`, {
          closed: async () => {
            const to = placeOf(this.#options.service(address)?.networkConfiguration);
            if (!to) return undefined;
            return this.#reader.closed((network) =>
              network.knows(place) ? network.closed(place, to, containerPort) : undefined,
            );
          },
          target: () => ({ host: "127.0.0.1", port }),
        });
        return { ...address, port: gate.port };
      }),
    );
  }

  #gate(
    owner: string,
    to: string,
    way: { closed: () => Promise<string | undefined>; target: () => { host: string; port: number } },
  ): Promise<Gate> {
    const gates = this.#gates.get(owner) ?? new Map<string, Promise<Gate>>();
    this.#gates.set(owner, gates);
    const gate = gates.get(to) ?? Gate.open({ ...way, onClosed: (reason) => this.#log(owner, reason) });
    gates.set(to, gate);
    return gate;
  }

  async #databasePlaces(valueFrom: string): Promise<readonly DatabasePlace[]> {
    if (!valueFrom.includes(":secretsmanager:")) return [];
    const SecretId = valueFrom.split(":").slice(0, 7).join(":");
    const { Tags = [] } = await this.#secrets.send(new DescribeSecretCommand({ SecretId }));
    const tag = Tags.find(({ Key }) => Key === DATABASE_PLACES_TAG);
    return tag?.Value ? databasePlaces.parse(tag.Value) : [];
  }

  /** @throws TaskStartFailed */
  #refuse({ taskArn }: TaskRecord, refusal: Refusal | undefined): void {
    if (!refusal) return;
    this.#log(taskArn, refusal.reason);
    throw new TaskStartFailed(refusal.words);
  }

  #log(owner: string, reason: string): void {
    this.#options.logger.warn("network.closed", { for: owner, reason });
  }
}

/** A URL with one host: its parts before the host, the host with its port, and the rest. */
const ONE_HOST_URL = /^((?:postgres(?:ql)?|mysql|mariadb):\/\/(?:[^@/?#]*@)?)([^,/?#]+)(.*)$/s;

/** Where a task is, by the configuration that it was started with; `undefined` outside of a VPC. */
function placeOf(configuration: NetworkConfiguration | undefined): Place | undefined {
  const { subnets = [], securityGroups = [], assignPublicIp } = configuration?.awsvpcConfiguration ?? {};
  if (subnets.length === 0 || securityGroups.length === 0) return undefined;
  return { subnets, securityGroups, publicIp: assignPublicIp === "ENABLED" };
}

/** What ECS says, and why. */
interface Refusal {
  readonly words: string;
  readonly reason: string;
}

function secretsRefusal(
  network: Network,
  place: Place,
  { secrets = [] }: ContainerDefinition,
): Refusal | undefined {
  for (const { valueFrom } of secrets) {
    const isSecret = valueFrom.includes(":secretsmanager:");
    const reason = network.closedToAws(place, isSecret ? "secretsmanager" : "ssm");
    if (reason === undefined) continue;
    const what = isSecret
      ? `unable to retrieve secret from asm: service call has been retried 5 time(s): failed to fetch secret ${valueFrom} from secrets manager`
      : "unable to retrieve secrets from ssm: service call has been retried 5 time(s)";
    const words = `ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: ${what}: RequestCanceled: request context canceled caused by: context deadline exceeded. Please check your task network configuration.`;
    return { words, reason };
  }
  return undefined;
}

const ECR_HOST = /^\d{12}\.dkr\.ecr\.[\w-]+\.amazonaws\.com(?:\.cn)?$/;

function imageRefusal(network: Network, place: Place, { image }: ContainerDefinition): Refusal | undefined {
  const [first = "", ...rest] = image.split("/");
  const isHost = rest.length > 0 && /[.:]|^localhost$/.test(first);
  const registry = isHost ? first : "registry-1.docker.io";
  const reason = ECR_HOST.test(registry)
    ? (network.closedToAws(place, "ecr.api") ??
      network.closedToAws(place, "ecr.dkr") ??
      network.closedToAws(place, "s3"))
    : network.closedToInternet(place);
  if (reason === undefined) return undefined;
  const path = (isHost ? rest.join("/") : image).split("@")[0]!;
  const [repository = "", tag = "latest"] = path.split(":");
  const words = `CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref ${image}: failed to do request: Head "https://${registry}/v2/${repository}/manifests/${tag}": dial tcp: i/o timeout`;
  return { words, reason };
}

function logRefusal(
  network: Network,
  place: Place,
  { logConfiguration }: ContainerDefinition,
): Refusal | undefined {
  if (logConfiguration?.logDriver !== "awslogs") return undefined;
  const reason = network.closedToAws(place, "logs");
  const group = logConfiguration.options?.["awslogs-group"];
  const words = `ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream in ${group}: RequestCanceled: request context canceled caused by: context deadline exceeded : exit status 1`;
  return reason === undefined ? undefined : { words, reason };
}

const MOUNT_TIMED_OUT =
  "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: b'mount.nfs4: Connection timed out' : unsuccessful EFS utils command execution; code: 32";

function noMountTarget(fileSystemId: string, region: string): string {
  return `ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve "${fileSystemId}.efs.${region}.amazonaws.com" - check that your file system ID is correct, and ensure that the VPC has an EFS mount target for this file system ID. : unsuccessful EFS utils command execution; code: 1`;
}
