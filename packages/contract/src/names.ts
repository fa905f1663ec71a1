/** The application's name: first part of secrets, clusters, log groups and stacks. */
export const APP_NAME = "dbward";

/** Names of everything that more than one part of a stage looks up by name. Built here, and nowhere else. */
export interface StageNames {
  /** ECS cluster, `dbward-<stage>`. */
  readonly cluster: string;
  /** Private DNS zone and Cloud Map namespace, `dbward-<stage>.internal`. */
  readonly namespace: string;
  /** The server's ECS service. */
  readonly serverService: string;
  /** Secrets Manager, `dbward/<stage>/admin-token`. */
  readonly adminTokenSecret: string;
  /** Secrets Manager, `dbward/<stage>/metrics-token`: the poller's. */
  readonly metricsTokenSecret: string;
  /** CloudWatch dashboard, `dbward-<stage>`. */
  readonly dashboard: string;
  /** Lambda function of the poller, `dbward-<stage>-poll-agents`. */
  readonly pollerFunction: string;
  /** CloudWatch alarm, `dbward-<stage>-<id>`. */
  alarm(id: string): string;
  /** Secrets Manager: `dbward/<stage>/agent-token` for the first agent, `dbward/<stage>/agent-token/<agent>` for every further one. */
  agentTokenSecret(agent: string, first: boolean): string;
  /** SSM parameter with the ARN of an agent's token secret, `/dbward/<stage>/agent-token-secret/<agent>`. */
  agentTokenSecretParameter(agent: string): string;
  /** SSM parameter with the version id of an agent's token, `/dbward/<stage>/agent-token-version/<agent>`. */
  agentTokenVersionParameter(agent: string): string;
  /** An agent's ECS service, `agent-<agent>`. */
  agentService(agent: string): string;
  /** CloudWatch log group of an ECS service, `/ecs/dbward-<stage>/<service>`. */
  logGroup(service: string): string;
  /** CloudFormation stack, `<stage>-dbward-<id>`: the name that SST gives it as well. */
  stack(id: StackId): string;
}

/** The stacks of a stage, in the order of their life. */
export const STACK_IDS = ["State", "Server", "Agents", "Monitoring"] as const;
export type StackId = (typeof STACK_IDS)[number];

/** @param stage the name of the stage: letters, digits and hyphens, as SST allows them */
export function stageNames(stage: string): StageNames {
  const scope = `${APP_NAME}-${stage}`;
  const secret = (name: string) => `${APP_NAME}/${stage}/${name}`;
  return {
    cluster: scope,
    namespace: `${scope}.internal`,
    serverService: "server",
    adminTokenSecret: secret("admin-token"),
    metricsTokenSecret: secret("metrics-token"),
    dashboard: scope,
    pollerFunction: `${scope}-poll-agents`,
    alarm: (id) => `${scope}-${id}`,
    agentTokenSecret: (agent, first) => secret(first ? "agent-token" : `agent-token/${agent}`),
    agentTokenSecretParameter: (agent) => `/${APP_NAME}/${stage}/agent-token-secret/${agent}`,
    agentTokenVersionParameter: (agent) => `/${APP_NAME}/${stage}/agent-token-version/${agent}`,
    agentService: (agent) => `agent-${agent}`,
    logGroup: (service) => `/ecs/${scope}/${service}`,
    stack: (id) => `${stage}-${APP_NAME}-${id}`,
  };
}

/** What is true inside the server's container, as the image and `server.toml` have it. */
export const SERVER = {
  /** Container name in the task definition. */
  container: "server",
  /** `state_dir` of server.toml: where the file system is mounted. */
  stateDirectory: "/data",
  port: 3000,
  /** Name by which agents reach it through Service Connect: `http://server:3000`. */
  serviceConnectName: "server",
  /** Host name in the private DNS zone, for clients outside Service Connect. */
  dnsName: "server",
  /** Files that the first start writes into the state directory. */
  adminTokenFile: "admin-token",
  agentTokenFile: "agent-token",
  /** Environment variable in which dbward's command line looks for the server's URL. */
  urlVariable: "DBWARD_SERVER_URL",
  /** Environment variable with the licence key. */
  licenseKeyVariable: "DBWARD_LICENSE_KEY",
  /** User and group of the process and of its files. */
  uid: 10001,
  gid: 10001,
} as const;

/** What is true inside an agent's container. */
export const AGENT = {
  container: "agent",
  readyFile: "/tmp/dbward-agent-ready",
  aliveFile: "/tmp/dbward-agent-alive",
  tokenVariable: "DBWARD_AGENT_TOKEN",
  /** Version id of the token's secret. Read by nobody: a task reads a secret once, so a new version must start a new one. */
  tokenVersionVariable: "DBWARD_AGENT_TOKEN_VERSION",
  databaseUrlVariable: "DATABASE_URL",
} as const;

/** Subject of the agent token that the server's first start writes, as dbward has it. */
export const BOOTSTRAP_AGENT_SUBJECT = "agent";

/**
 * Subject of an agent's token: the `id` of the agent's row in `GET /api/agents`. The first agent uses the bootstrap
 * token; every further one has a token that was made for its name.
 */
export function agentSubject(agent: string, first: boolean): string {
  return first ? BOOTSTRAP_AGENT_SUBJECT : agent;
}

/** Environment variable that carries a configuration file's text into a container. */
export const CONFIG_VARIABLE = "DBWARD_CONFIG_TOML";
/** Environment variable with the log filter of server and agents. */
export const LOG_FILTER_VARIABLE = "RUST_LOG";
/** Environment variable, `true` in every container: Fargate has no instance metadata, and asking for it costs seconds. */
export const NO_INSTANCE_METADATA_VARIABLE = "AWS_EC2_METADATA_DISABLED";

/** The poller's user on the server, and the role that lets it read `/api/agents` and `/metrics` and nothing else. */
export const METRICS_USER = "cloudwatch-poller";
export const METRICS_ROLE = "cloudwatch-metrics";
export const METRICS_PERMISSION = "metrics.view";

/** A dbward token: `dbw_` and 32 hex digits, no line end. */
export const TOKEN_PATTERN = /^dbw_[0-9a-f]{32}$/;
