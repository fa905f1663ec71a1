/** The application's name: first part of secrets, clusters, log groups and stacks. */
export const APP_NAME = "dbward";

/** The stage of the emulated account on a developer's machine, which is deployed nowhere else. */
export const LOCAL_STAGE = "local";

/** Files of the local stage, below the folder of dbward.config.ts: who has the folder may use the emulated account. */
export const LOCAL_FILES = {
  directory: ".local",
  /** The run that is under way, with the keys of its account; absent while none runs. */
  run: "run.json",
  /** The ports of the last run. */
  state: "state.json",
} as const;

/** Region of the emulated account. */
export const LOCAL_REGION = "us-east-1";

/** The names by which one part of a stage finds another. They are defined only here. */
export interface StageNames {
  /** ECS cluster: `dbward-<stage>`, or one that others use as well. */
  readonly cluster: string;
  /** Private DNS zone and Cloud Map namespace, `dbward-<stage>.internal`. */
  readonly namespace: string;
  /** The server's ECS service: `server`, in a shared cluster `dbward-<stage>-server`. */
  readonly serverService: string;
  /** Secrets Manager, `dbward/<stage>/admin-token`. */
  readonly adminTokenSecret: string;
  /** Secrets Manager, `dbward/<stage>/metrics-token`: the poller's. */
  readonly metricsTokenSecret: string;
  /** CloudWatch dashboard, `dbward-<stage>`. */
  readonly dashboard: string;
  /** SNS topic of the alarms, `dbward-<stage>-alarms`. */
  readonly topic: string;
  /** Plan of AWS Backup, `dbward-<stage>`. */
  readonly backupPlan: string;
  /**
   * Beginning of the name of the stage's backup vault, at most 36 characters. What tells stacks and keys apart
   * comes after it: a kept vault keeps its name.
   */
  readonly backupVaultPrefix: string;
  /** Lambda function of the poller, `dbward-<stage>-poll-agents`. */
  readonly pollerFunction: string;
  /** Group of the schedules in EventBridge Scheduler, `dbward-<stage>`. */
  readonly scheduleGroup: string;
  /** Lambda function that takes changed values to the tasks, `dbward-<stage>-apply-config`. */
  readonly applyFunction: string;
  /** SSM parameter of that function's state, `/dbward/<stage>/apply-config`. */
  readonly applyStateParameter: string;
  /** Lambda function that checks the tokens, `dbward-<stage>-check-tokens`. */
  readonly tokenCheckFunction: string;
  /** CloudWatch alarm, `dbward-<stage>-<id>`. */
  alarm(id: string): string;
  /**
   * Secrets Manager, `dbward/<stage>/agent-token/<agent>`; `dbward/<stage>/agent-token` for the agent with the
   * bootstrap token.
   */
  agentTokenSecret(agent: AgentIdentity): string;
  /** SSM parameter with the ARN of an agent's token secret, `/dbward/<stage>/agent-token-secret/<agent>`. */
  agentTokenSecretParameter(agent: string): string;
  /** SSM parameter with the version id of an agent's token, `/dbward/<stage>/agent-token-version/<agent>`. */
  agentTokenVersionParameter(agent: string): string;
  /** An agent's ECS service: `agent-<agent>`, in a shared cluster `dbward-<stage>-agent-<agent>`. */
  agentService(agent: string): string;
  /** CloudWatch log group of a part, such as `server` or `agent-<agent>`: `/ecs/dbward-<stage>/<part>`. */
  logGroup(part: string): string;
  /** CloudFormation stack, `<stage>-dbward-<id>`: the name that SST gives it as well; all of them with `*`. */
  stack(id: StackId | "*"): string;
}

/** The stacks of a stage, in the order of their life. */
export const STACK_IDS = ["State", "Server", "Agents", "Monitoring"] as const;
export type StackId = (typeof STACK_IDS)[number];

/**
 * @param stage the name of the stage: letters, digits and hyphens, as SST allows them
 * @param sharedCluster name of an ECS cluster in which services of others may be. @default - a cluster of the stage's own
 */
export function stageNames(stage: string, sharedCluster?: string): StageNames {
  const scope = `${APP_NAME}-${stage}`;
  const service = (part: string) => (sharedCluster === undefined ? part : `${scope}-${part}`);
  const secret = (name: string) => `${APP_NAME}/${stage}/${name}`;
  return {
    cluster: sharedCluster ?? scope,
    namespace: `${scope}.internal`,
    serverService: service(SERVER_PART),
    adminTokenSecret: secret("admin-token"),
    metricsTokenSecret: secret("metrics-token"),
    dashboard: scope,
    topic: `${scope}-alarms`,
    backupPlan: scope,
    backupVaultPrefix: scope.slice(0, 36),
    pollerFunction: `${scope}-poll-agents`,
    scheduleGroup: scope,
    applyFunction: `${scope}-apply-config`,
    applyStateParameter: `/${APP_NAME}/${stage}/apply-config`,
    tokenCheckFunction: `${scope}-check-tokens`,
    alarm: (id) => `${scope}-${id}`,
    agentTokenSecret: ({ name, token }) =>
      secret(token === "bootstrap" ? "agent-token" : `agent-token/${name}`),
    agentTokenSecretParameter: (agent) => `/${APP_NAME}/${stage}/agent-token-secret/${agent}`,
    agentTokenVersionParameter: (agent) => `/${APP_NAME}/${stage}/agent-token-version/${agent}`,
    agentService: (agent) => service(agentPart(agent)),
    logGroup: (part) => `/ecs/${scope}/${part}`,
    stack: (id) => `${stage}-${APP_NAME}-${id}`,
  };
}

/** The server among the parts of a stage that have a log group and a service. */
export const SERVER_PART = "server";

/** An agent among them. */
export function agentPart(agent: string): string {
  return `agent-${agent}`;
}

/**
 * The stage that an ECS service belongs to, and which of its parts it is: the reverse of {@link stageNames}.
 *
 * @param cluster name of its cluster
 * @returns `undefined` for a service of something else
 */
export function partOfService(
  cluster: string,
  service: string,
): { readonly stage: string; readonly part: string } | undefined {
  const [, shared, part] = /^dbward-(.+?)-(server|agent-.+)$/.exec(service) ?? [];
  if (shared !== undefined && part !== undefined) return { stage: shared, part };
  const stage = stageOfCluster(cluster);
  return stage === undefined ? undefined : { stage, part: service };
}

/** @returns the stage of a cluster; `undefined` for a cluster that does not belong to a stage */
export function stageOfCluster(cluster: string): string | undefined {
  return cluster.startsWith(`${APP_NAME}-`) ? cluster.slice(APP_NAME.length + 1) : undefined;
}

/** Facts about the inside of the server's container, from its image and `server.toml`. */
export const SERVER = {
  /** Container name in the task definition. */
  container: "server",
  /** `state_dir` of server.toml: where the file system is mounted. */
  stateDirectory: "/data",
  /** Directory of the state on its file system, for the access points that a deployment creates. */
  fileSystemPath: "/dbward",
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
  /** Environment variable in which dbward's command line looks for a token. */
  tokenVariable: "DBWARD_TOKEN",
  /** Environment variable with the licence key. */
  licenseKeyVariable: "DBWARD_LICENSE_KEY",
  /** User and group of the process and of its files. */
  uid: 10001,
  gid: 10001,
} as const;

/** Facts about the inside of an agent's container. */
export const AGENT = {
  container: "agent",
  readyFile: "/tmp/dbward-agent-ready",
  aliveFile: "/tmp/dbward-agent-alive",
  tokenVariable: "DBWARD_AGENT_TOKEN",
  /** Version id of the token's secret. Nothing reads it: a task reads a secret only once, so a new version has to start a new task. */
  tokenVersionVariable: "DBWARD_AGENT_TOKEN_VERSION",
  databaseUrlVariable: "DATABASE_URL",
} as const;

/** Subject of the agent token that the server's first start writes, as dbward has it. */
export const BOOTSTRAP_AGENT_SUBJECT = "agent";

/**
 * Which token an agent has.
 *
 * - `own`: one that the server makes for it, with its name as the subject.
 * - `bootstrap`: the one that the server's first start writes. There is one, so at most one agent has it.
 */
export const AGENT_TOKENS = ["own", "bootstrap"] as const;
export type AgentToken = (typeof AGENT_TOKENS)[number];

/** All that an agent's secret and the subject of its token depend on. */
export interface AgentIdentity {
  readonly name: string;
  /** @default "own" */
  readonly token?: AgentToken | undefined;
}

/** Subject of an agent's token: the `id` of the agent's row in `GET /api/agents`. */
export function agentSubject({ name, token }: AgentIdentity): string {
  return token === "bootstrap" ? BOOTSTRAP_AGENT_SUBJECT : name;
}

/** Environment variable that carries a configuration file's text into a container. */
export const CONFIG_VARIABLE = "DBWARD_CONFIG_TOML";
/** Environment variable with the log filter of server and agents. */
export const LOG_FILTER_VARIABLE = "RUST_LOG";

/** The poller's user on the server, and the role that lets it read `/api/agents` and `/metrics` and nothing else. */
export const METRICS_USER = "cloudwatch-poller";
export const METRICS_ROLE = "cloudwatch-metrics";
export const METRICS_PERMISSION = "metrics.view";

/** A dbward token: `dbw_` and 32 hex digits, no line end. */
export const TOKEN_PATTERN = /^dbw_[0-9a-f]{32}$/;

/** Account id of the local stage. AWS does not assign it. */
export const EMULATED_ACCOUNT = "000000000000";
