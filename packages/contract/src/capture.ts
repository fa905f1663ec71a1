/**
 * A base URL that becomes part of a command and is shown to people: protocol, host, port and path, of characters that mean nothing to a
 * shell; without user, password, query, fragment, and a slash at its end.
 */
export const BASE_URL_PATTERN =
  /^https?:\/\/(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?(?:\/[A-Za-z0-9._~-]+)*$/;

/** CloudFormation type of the custom resource that captures the tokens. */
export const CAPTURE_RESOURCE_TYPE = "Custom::DbwardTokenCapture";

/**
 * How the tokens get out of the server's container.
 *
 * - `exec`: one ECS Exec session into the running server.
 * - `task`: a one-off task on the server's file system, for accounts that forbid ECS Exec.
 */
export type CaptureMethod = "exec" | "task";

/** Where one agent's token comes from, and where it is to be stored. */
export interface AgentTokenProperties {
  /** Name of the agent. It is the subject of a minted token; the bootstrap token has one of its own. */
  readonly Agent: string;
  /** ARN of the secret. */
  readonly Secret: string;
  /** `bootstrap`: the file `agent-token`; `minted`: a token of its own, asked of the server. */
  readonly Source: "bootstrap" | "minted";
}

/** The one-off task of method `task`. */
export interface CaptureTaskProperties {
  /** ARN of its task definition, with revision. */
  readonly TaskDefinition: string;
  /** Container that does the work. */
  readonly Container: string;
  readonly Subnets: readonly string[];
  readonly SecurityGroups: readonly string[];
  readonly AssignPublicIp: "ENABLED" | "DISABLED";
  /** Base URL by which the task reaches the server's API; see {@link BASE_URL_PATTERN}. */
  readonly ServerUrl: string;
  /** Base URL of Secrets Manager; the task's environment may name another one (AWS_ENDPOINT_URL). */
  readonly SecretsEndpoint: string;
  /** Log group of the task, and the prefix of its streams: `<prefix>/<container>/<task id>`. */
  readonly LogGroup: string;
  readonly LogStreamPrefix: string;
}

/**
 * Properties of the custom resource, as CloudFormation hands them to the function: every number and boolean is a
 * string, lists and maps keep their form.
 */
export interface CaptureProperties {
  /** ARN of the ECS cluster. */
  readonly Cluster: string;
  /** Name of the server's ECS service. */
  readonly Service: string;
  /** Name of the server's container. */
  readonly Container: string;
  /**
   * ARN of the task definition that the server's task must run: a task of the former one is about to be replaced.
   * It changes with every deployment of the server, which makes CloudFormation ask again.
   */
  readonly TaskDefinition: string;
  /** `state_dir` of the server, without a slash at its end. */
  readonly StateDirectory: string;
  /** Port of the server's API inside the task. */
  readonly Port: string;
  /** The server's log group: its last lines go into the error when the server doesn't come up. */
  readonly LogGroup: string;
  readonly Method: CaptureMethod;
  /** ARN of the secret for `admin-token`. */
  readonly AdminTokenSecret: string;
  readonly AgentTokens: readonly AgentTokenProperties[];
  /** ARN of the secret for the poller's token. */
  readonly MetricsTokenSecret: string;
  /** Id of the poller's user, and the role that it needs. */
  readonly MetricsUser: string;
  readonly MetricsRole: string;
  /** `rendered`: the deployment wrote server.toml and put the role in; `ssm`: the text belongs to the user. */
  readonly ConfigSource: "rendered" | "ssm";
  /** `"true"`: go on although the cluster logs its exec sessions, tokens included. */
  readonly AllowSessionLogging: "true" | "false";
  /** Only for method `task`. */
  readonly CaptureTask?: CaptureTaskProperties;
  /** Read by nobody: a new value makes CloudFormation ask again although nothing else has changed. */
  readonly Again?: string;
}

/** Parameter of the Server stack whose new value has the secrets looked at again. */
export const CAPTURE_AGAIN_PARAMETER = "CaptureAgain";

/** Attribute of the custom resource that carries the version id of an agent's secret; changes when its value does. */
export function agentTokenVersionAttribute(agent: string): string {
  return `AgentTokenVersion.${agent}`;
}
/** Attributes of the custom resource that carry the version ids of the other secrets. */
export const ADMIN_TOKEN_VERSION_ATTRIBUTE = "AdminTokenVersion";
export const METRICS_TOKEN_VERSION_ATTRIBUTE = "MetricsTokenVersion";
/** Attribute with what the user should know although the capture succeeded; one sentence each, or empty. */
export const CAPTURE_WARNINGS_ATTRIBUTE = "Warnings";
/** Characters at which the warnings are cut. */
export const CAPTURE_WARNINGS_MAX_CHARACTERS = 1000;
/** Bytes of a custom resource's whole answer that CloudFormation takes: it bounds the number of agents. */
export const CAPTURE_ANSWER_MAX_BYTES = 4096;

/** Events in the capture function's log that a metric filter may count: `{ $.event = "capture.failed" }`. */
export const CAPTURE_EVENTS = {
  /** A Create or Update was answered with FAILED. */
  failed: "capture.failed",
  /** A stored token is not, or no longer, accepted by the server. */
  tokenRefused: "capture.token-refused",
} as const;
