import type { CaptureMethod, Publisher } from "@dbward-aws/contract";
import type { Egress, SubnetSettings } from "./stage-settings.ts";

/** What dbward.config.ts exports. */
export interface DbwardConfig {
  /** One block a stage; its key is what `--stage` names: letters, digits and hyphens. */
  readonly stages: Readonly<Record<string, StageInput>>;
}

/** One stage. */
export interface StageInput {
  /** Where everything runs. @default a VPC of its own, with NAT gateways */
  readonly network?: NewNetworkInput | ExistingNetworkInput;
  /** Where the results of queries are kept. */
  readonly storage?: StorageInput;
  /** The dbward server: one task, its state on EFS. */
  readonly server: ServerInput;
  /** The agents, at least one. The first takes the bootstrap agent token, every further one a token of its own. */
  readonly agents: readonly AgentInput[];
  /** How the tokens get from the server into Secrets Manager. */
  readonly capture?: CaptureInput;
  /** Metrics, alarms and their receivers. */
  readonly monitoring?: MonitoringInput;
}

/** A VPC that the deployment makes. */
export interface NewNetworkInput {
  /** IPv4 block, /16 to /24. @default "10.60.0.0/16" */
  readonly cidr?: string;
  /** How many availability zones, 2 or 3. @default 2 */
  readonly availabilityZones?: number;
  /**
   * The way out for tasks: `nat` gateways (about 32 USD a month each, one a zone); VPC `endpoints` alone, no
   * internet, images from ECR only; or `public` addresses, for trying things out. @default "nat"
   */
  readonly egress?: Egress;
}

/** A VPC that is there already. */
export interface ExistingNetworkInput {
  /** Id of the VPC. */
  readonly vpcId: string;
  /** IPv4 block of the VPC. */
  readonly cidr: string;
  /** Subnets for tasks, mount targets and the poller: two or more, one an availability zone. */
  readonly subnets: readonly SubnetSettings[];
  /** Public subnets, for an internet-facing load balancer. @default [] */
  readonly publicSubnets?: readonly SubnetSettings[];
  /** The way out that the subnets have: `nat`, `endpoints` or `public`. @default "nat" */
  readonly egress?: Egress;
}

/** Where results are kept. */
export interface StorageInput {
  /** `s3`: a bucket of the stage; `local`: the server's file system. @default "s3" */
  readonly backend?: "s3" | "local";
  /** Days after which results in the bucket expire. @default 30 */
  readonly retentionDays?: number;
}

/** A container image. */
export interface ImageInput {
  /** Pinned tag (`0.2.0`) or digest (`sha256:…`). Tags that move, such as `latest` and `0.2`, are taken with a warning. */
  readonly tag: string;
  /** Repository without tag. @default dbward's own on ghcr.io */
  readonly repository?: string;
  /** Name of the repository in this account's ECR; gives the right to pull from it. @default none */
  readonly ecrRepositoryName?: string;
}

/** Where a TOML file comes from: exactly one of the three. */
export interface ConfigInput {
  /** Path of the file, relative to dbward.config.ts. */
  readonly configFile?: string;
  /** The file's text. */
  readonly configToml?: string;
  /** SSM parameter (SecureString) with the file's text; begins with `/`. Read when a task starts, kept by you. */
  readonly configParameter?: string;
}

/** The dbward server. */
export interface ServerInput extends ConfigInput {
  /** The server's image. */
  readonly image: ImageInput;
  /** CPU units, 1024 a vCPU; one of Fargate's sizes. @default 512 */
  readonly cpu?: number;
  /** Memory in MiB that Fargate offers with this CPU. @default 1024 */
  readonly memoryMiB?: number;
  /** Value of `RUST_LOG`. @default "info" */
  readonly rustLog?: string;
  /** IPv4 blocks that may reach port 3000 beside agents, poller and load balancer. @default [] */
  readonly allowedCidrs?: readonly string[];
  /** A load balancer before the server. @default none */
  readonly loadBalancer?: LoadBalancerInput;
  /** Percent of the one task during a deployment. Only 0 and 100 are accepted: two writers corrupt SQLite. */
  readonly deployment?: DeploymentInput;
  /**
   * Seconds between SIGTERM and SIGKILL, 21 to 120. The server drains for 20, and longer while calls are in flight: a
   * client that waits for the state of its request holds it for up to 120, which is also the most that Fargate gives.
   * Without such calls it ends after 20 whatever is written here. @default 120
   */
  readonly stopTimeoutSeconds?: number;
  /** Days that log lines are kept; one of the periods of CloudWatch Logs. @default 14 */
  readonly logRetentionDays?: number;
  /** Secret (name or ARN) with the licence key. @default none */
  readonly licenseKeySecret?: string;
  /** Variables that server.toml refers to as `"${NAME}"`, each with the name or ARN of its secret. @default {} */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Keep daily backups of the server's file system. @default true */
  readonly backups?: boolean;
}

/** A deployment of the server. */
export interface DeploymentInput {
  /** Percent that keep running: the old task stops first. @default 0 */
  readonly minimumHealthyPercent?: number;
  /** Percent that may run: never a second task. @default 100 */
  readonly maximumPercent?: number;
}

/** An Application Load Balancer. */
export interface LoadBalancerInput {
  /** Reachable from the VPC, or from the internet. @default "internal" */
  readonly scheme?: "internal" | "internet-facing";
  /** ARN of the ACM certificate for HTTPS. @default none: plain HTTP */
  readonly certificateArn?: string;
  /** IPv4 blocks that may reach it. @default everybody when internet-facing, else the VPC's block */
  readonly allowedCidrs?: readonly string[];
  /** Write `true` to put plain HTTP, tokens included, on the internet. @default false */
  readonly allowPublicHttp?: boolean;
}

/** An agent: outbound only, next to its database. */
export interface AgentInput extends ConfigInput {
  /**
   * Lower-case letters, digits and hyphens; name of its service, and subject of its token, which for the first agent is
   * `agent`. Not to be changed later.
   */
  readonly name: string;
  /** The agent's image. */
  readonly image: ImageInput;
  /** The database that it reaches. */
  readonly database: DatabaseInput;
  /** CPU units, 1024 a vCPU; one of Fargate's sizes. @default 256 */
  readonly cpu?: number;
  /** Memory in MiB that Fargate offers with this CPU. @default 512 */
  readonly memoryMiB?: number;
  /**
   * How many tasks. Replicas share the agent's token and are one row in `/api/agents`. With 0 no alarm misses the agent.
   * @default 1
   */
  readonly desiredCount?: number;
  /** Value of `RUST_LOG`. @default "info" */
  readonly rustLog?: string;
  /**
   * Seconds between SIGTERM and SIGKILL, 31 to 120; longer than `drain_timeout_secs` of agent.toml, for which it waits for
   * its requests. An agent that waits for its database takes up to 30 to end. @default 90
   */
  readonly stopTimeoutSeconds?: number;
  /** Days that log lines are kept; one of the periods of CloudWatch Logs. @default 14 */
  readonly logRetentionDays?: number;
  /** Variables that agent.toml refers to as `"${NAME}"`, each with the name or ARN of its secret. @default {} */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Allow ECS Exec into its tasks: whoever may use it can read the database's URL. @default false */
  readonly ecsExec?: boolean;
}

/** A database. */
export interface DatabaseInput {
  /** Secret (name or ARN) whose value is the database URL; it is there before the stage is deployed. */
  readonly urlSecret: string;
  /** Port: 5432 for PostgreSQL, 3306 for MySQL. @default 5432 */
  readonly port?: number;
  /** IPv4 blocks in which the database is; the agent reaches nothing else on its port. @default the VPC's block */
  readonly cidrs?: readonly string[];
}

/** Token capture. */
export interface CaptureInput {
  /** `exec`: one ECS Exec session; `task`: a one-off task, for accounts that forbid ECS Exec. @default "exec" */
  readonly method?: CaptureMethod;
  /** Write `true` to go on although the cluster logs its exec sessions, tokens included. @default false */
  readonly allowSessionLogging?: boolean;
}

/** Metrics and alarms. */
export interface MonitoringInput {
  /** `api`: PutMetricData; `emf`: through the log, for a VPC without an endpoint for CloudWatch. @default "api" */
  readonly publisher?: Publisher;
  /** How many agents get metrics of their own, each about 1 USD a month; 0 to 50. @default 0 */
  readonly perAgentMetrics?: number;
  /** Where the poller reaches the server. @default the server's name in the stage's private DNS zone */
  readonly serverUrl?: string;
  /** E-mail addresses that get alarms. @default [] */
  readonly emails?: readonly string[];
  /** HTTPS endpoints that get alarms. @default [] */
  readonly httpsEndpoints?: readonly string[];
  /** Thresholds by the alarm's name; what is left out keeps the default of docs/monitoring.md. @default {} */
  readonly thresholds?: Readonly<Record<string, number>>;
  /**
   * Where the pages of docs/runbooks are published, such as `https://github.com/acme/dbward-aws/blob/main/docs/runbooks`:
   * messages and the dashboard link to them. @default - they name the file
   */
  readonly runbooksUrl?: string;
}

/** Gives dbward.config.ts its types; checks nothing: that is {@link loadStage}'s part. */
export function defineConfig(config: DbwardConfig): DbwardConfig {
  return config;
}
