import type { ECSClient } from "@aws-sdk/client-ecs";
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Deadline, Logger } from "@dbward-aws/core";

/** Runs a POSIX `sh` script in a container; `EcsExec` of `@dbward-aws/ecs-exec` does. */
export interface ScriptRunner {
  execute(run: {
    readonly cluster: string;
    readonly task: string;
    readonly container: string;
    readonly script: string;
    readonly stdin?: string;
    readonly deadline: Deadline;
    /** Most bytes of output that are kept. */
    readonly maxOutputBytes: number;
  }): Promise<{ readonly stdout: Uint8Array; readonly exitCode: number }>;
}

/** Lines of a log stream, oldest first. */
export interface LogReader {
  /**
   * A stream that does not exist has no lines. Lines are printable, shortened, and without anything that
   * looks like a secret.
   *
   * @param streamEnd the last part of the stream's name: the task's id
   * @param streamPrefix the first part, if it is known
   * @throws errors of CloudWatch Logs
   */
  lastLines(logGroup: string, streamEnd: string, limit: number, streamPrefix?: string): Promise<string[]>;
}

/** Time limits of a capture. */
export interface Patience {
  /** Milliseconds between two calls of ECS. */
  readonly pollMs: number;
  /** Milliseconds from the start of a task until its exec agent must be running. */
  readonly readyMs: number;
  /**
   * Milliseconds from the start of a task until it must be healthy: longer than the start period, in which a
   * server may migrate its database.
   */
  readonly healthMs: number;
  /** Milliseconds for one session; its script may wait for the server. */
  readonly sessionMs: number;
  /** Seconds that a script waits for the server's API. */
  readonly serverSeconds: number;
  /** Number of stopped tasks of one deployment after which the capture fails. */
  readonly stoppedTasks: number;
  /**
   * Milliseconds for which a refused call is repeated, until a permission that was granted in the same update
   * takes effect.
   */
  readonly rightsMs: number;
  /** Milliseconds to wait for another run for the same event that creates tokens: the time of one session. */
  readonly otherRunMs: number;
}

export const PATIENCE: Patience = {
  pollMs: 1_000,
  readyMs: 180_000,
  healthMs: 360_000,
  sessionMs: 150_000,
  serverSeconds: 60,
  stoppedTasks: 3,
  rightsMs: 60_000,
  otherRunMs: 150_000,
};

/**
 * What a capture needs to reach AWS and the container. The handler creates it; tests create it from real
 * protocol peers.
 */
export interface Tools {
  readonly ecs: ECSClient;
  readonly secrets: SecretsManagerClient;
  readonly exec: ScriptRunner;
  readonly logs: LogReader;
  readonly logger: Logger;
  /** Ends early enough for an answer to CloudFormation. */
  readonly deadline: Deadline;
  readonly patience: Patience;
}
