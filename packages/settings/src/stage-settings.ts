import type { CaptureMethod, Publisher } from "@dbward-aws/contract";
import type { ConfigSource } from "@dbward-aws/dbward-config";

/** Everything that the stacks need to know of a stage: checked, complete, defaults filled in. */
export interface StageSettings {
  readonly stage: string;
  readonly network: NetworkSettings;
  readonly storage: StorageSettings;
  readonly server: ServerSettings;
  /** At least one; the first takes the bootstrap agent token, every further one a token minted for it. */
  readonly agents: readonly AgentSettings[];
  readonly capture: CaptureSettings;
  readonly monitoring: MonitoringSettings;
  /** What is allowed and yet unwise, as the user is to read it. */
  readonly warnings: readonly string[];
}

/**
 * The way out of the subnets in which tasks run: `nat` gateways; VPC `endpoints` alone, no internet; or `public`
 * addresses, for trying things out.
 */
export type Egress = "nat" | "endpoints" | "public";

export type NetworkSettings = NewNetworkSettings | ExistingNetworkSettings;

/** A VPC made by the deployment. */
export interface NewNetworkSettings {
  readonly kind: "new";
  /** IPv4 block. @default "10.60.0.0/16" */
  readonly cidr: string;
  /** How many availability zones. @default 2 */
  readonly availabilityZones: number;
  readonly egress: Egress;
}

/** A VPC that is there already, by its ids: nothing is looked up at synth. */
export interface ExistingNetworkSettings {
  readonly kind: "existing";
  readonly vpcId: string;
  /** IPv4 block of the VPC. */
  readonly cidr: string;
  /** Subnets for tasks, mount targets and the poller; one an availability zone. */
  readonly subnets: readonly SubnetSettings[];
  /** Public subnets for an internet-facing load balancer. */
  readonly publicSubnets: readonly SubnetSettings[];
  readonly egress: Egress;
}

export interface SubnetSettings {
  readonly id: string;
  readonly availabilityZone: string;
}

export interface ImageSettings {
  /** Repository without tag, such as `ghcr.io/dbward-dev/dbward-server`. */
  readonly repository: string;
  /** Pinned tag (`0.2.0`) or digest (`sha256:…`). */
  readonly tag: string;
  /** Name of the repository in this account's ECR; gives the execution role the right to pull from it. */
  readonly ecrRepositoryName?: string;
}

export interface StorageSettings {
  /** `s3`: a bucket of the stage; `local`: the server's file system. @default "s3" */
  readonly backend: "s3" | "local";
  /** Days after which results expire. @default 30 */
  readonly retentionDays: number;
}

export interface LoadBalancerSettings {
  readonly scheme: "internal" | "internet-facing";
  /** ACM certificate; without one the load balancer speaks plain HTTP. */
  readonly certificateArn?: string;
  /** Who may reach it. @default 0.0.0.0/0 when internet-facing with a certificate, else the VPC */
  readonly allowedCidrs: readonly string[];
}

export interface ServerSettings {
  readonly image: ImageSettings;
  /** CPU units, 1024 a vCPU. @default 512 */
  readonly cpu: number;
  /** @default 1024 */
  readonly memoryMiB: number;
  readonly config: ConfigSource;
  /** @default "info" */
  readonly rustLog: string;
  /** Who may reach port 3000 beside agents, poller and load balancer. @default [] */
  readonly allowedCidrs: readonly string[];
  readonly loadBalancer?: LoadBalancerSettings;
  /** Percent of one task that stay during a deployment. Only 0 and 100 are accepted: two writers corrupt SQLite. */
  readonly deployment: { readonly minimumHealthyPercent: number; readonly maximumPercent: number };
  /** Seconds between SIGTERM and SIGKILL; more than the server's drain of 20 s. @default 120 */
  readonly stopTimeoutSeconds: number;
  /** @default 14 */
  readonly logRetentionDays: number;
  /** Secret with the licence key (name or ARN), given to the server as `DBWARD_LICENSE_KEY`. */
  readonly licenseKeySecret?: string;
  /** Further environment variables that server.toml refers to: name of the variable to name or ARN of the secret. @default {} */
  readonly secrets: Readonly<Record<string, string>>;
  /** Keep daily backups of the file system. @default true */
  readonly backups: boolean;
}

export interface DatabaseSettings {
  /** Secrets Manager name or ARN of the database URL. */
  readonly urlSecret: string;
  /** @default 5432 */
  readonly port: number;
  /** Where the database is; egress is open to nothing else. @default the VPC's block */
  readonly cidrs: readonly string[];
}

export interface AgentSettings {
  /** Lower-case letters, digits and hyphens; subject of its token, name of its service. */
  readonly name: string;
  readonly image: ImageSettings;
  /** @default 256 */
  readonly cpu: number;
  /** @default 512 */
  readonly memoryMiB: number;
  /** Tasks. Replicas share the agent's token and are one row in `/api/agents`. @default 1 */
  readonly desiredCount: number;
  readonly config: ConfigSource;
  readonly database: DatabaseSettings;
  /** Further environment variables that agent.toml refers to: name of the variable to name or ARN of the secret. @default {} */
  readonly secrets: Readonly<Record<string, string>>;
  /** @default "info" */
  readonly rustLog: string;
  /** @default 90 */
  readonly stopTimeoutSeconds: number;
  /** @default 14 */
  readonly logRetentionDays: number;
  /** ECS Exec into its tasks; whoever may use it can read the database's URL. @default false */
  readonly ecsExec: boolean;
}

export interface CaptureSettings {
  /** @default "exec" */
  readonly method: CaptureMethod;
  /** Go on although the cluster logs its exec sessions, tokens included. @default false */
  readonly allowSessionLogging: boolean;
}

export interface MonitoringSettings {
  /** @default "api" */
  readonly publisher: Publisher;
  /** How many agents get metrics of their own. @default 0 */
  readonly perAgentMetrics: number;
  /** Where the poller reaches the server. @default the server's name in the private DNS zone */
  readonly serverUrl?: string;
  /** E-mail addresses that get alarms. @default [] */
  readonly emails: readonly string[];
  /** HTTPS endpoints that get alarms. @default [] */
  readonly httpsEndpoints: readonly string[];
  /** Thresholds by the alarm's name in the catalogue; what is left out keeps the catalogue's default. @default {} */
  readonly thresholds: Readonly<Record<string, number>>;
  /** Where the pages of docs/runbooks are published; no slash at its end. @default - messages name the file */
  readonly runbooksUrl?: string;
}
