/**
 * A base URL that is used in a command and in messages: protocol, host, port and path, without characters that have a meaning in a shell,
 * without user, password, query and fragment, and without a slash at its end.
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

/** The source of an agent's token, and the secret for it. */
export interface AgentTokenProperties {
  /** Name of the agent, and subject of a minted token. The bootstrap token has another subject. */
  readonly Agent: string;
  /** ARN of the secret. */
  readonly Secret: string;
  /** `bootstrap`: the file `agent-token`; `minted`: a token that the server makes for this agent. */
  readonly Source: "bootstrap" | "minted";
}

/** The one-off task of method `task`. */
export interface CaptureTaskProperties {
  /** ARN of its task definition, with revision. */
  readonly TaskDefinition: string;
  /** Name of its container. */
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
 * Properties of the custom resource, as CloudFormation sends them to the function: numbers and booleans are
 * strings; lists and maps are unchanged.
 */
export interface CaptureProperties {
  /** ARN of the ECS cluster. */
  readonly Cluster: string;
  /** Name of the server's ECS service. */
  readonly Service: string;
  /** Name of the server's container. */
  readonly Container: string;
  /**
   * ARN of the task definition that the server's task must run: a task of an earlier one is about to be replaced.
   * It changes with every deployment of the server, and then CloudFormation calls the function again.
   */
  readonly TaskDefinition: string;
  /** `state_dir` of the server, without a slash at its end. */
  readonly StateDirectory: string;
  /** Port of the server's API inside the task. */
  readonly Port: string;
  /** The server's log group. Its last lines are part of the error when the server doesn't start. */
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
  /** `"true"`: continue even though the cluster logs its ECS Exec sessions, including tokens. */
  readonly AllowSessionLogging: "true" | "false";
  /** Only for method `task`. */
  readonly CaptureTask?: CaptureTaskProperties;
  /** Nothing reads it: a new value makes CloudFormation call the function although nothing else has changed. */
  readonly Again?: string;
}

/** Parameter of the Server stack. A new value makes the capture check the secrets again. */
export const CAPTURE_AGAIN_PARAMETER = "CaptureAgain";

/** Attribute of the custom resource with the version id of an agent's secret. It changes with the secret's value. */
export function agentTokenVersionAttribute(agent: string): string {
  return `AgentTokenVersion.${agent}`;
}
/** Attributes of the custom resource with the version ids of the other secrets. */
export const ADMIN_TOKEN_VERSION_ATTRIBUTE = "AdminTokenVersion";
export const METRICS_TOKEN_VERSION_ATTRIBUTE = "MetricsTokenVersion";
/** Attribute with warnings of a capture that succeeded, one sentence each; or empty. */
export const CAPTURE_WARNINGS_ATTRIBUTE = "Warnings";
/** Maximum length of the warnings, in characters. */
export const CAPTURE_WARNINGS_MAX_CHARACTERS = 1000;
/** Maximum size of a custom resource's answer, in bytes. It limits the number of agents. */
export const CAPTURE_ANSWER_MAX_BYTES = 4096;

/** Events in the log of the capture function, for metric filters: `{ $.event = "capture.failed" }`. */
export const CAPTURE_EVENTS = {
  /** A Create or Update was answered with FAILED. */
  failed: "capture.failed",
  /** The server does not, or no longer, accept a stored token. */
  tokenRefused: "capture.token-refused",
} as const;
