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
    /** Bytes of output that are held at most. */
    readonly maxOutputBytes: number;
  }): Promise<{ readonly stdout: Uint8Array; readonly exitCode: number }>;
}

/** Lines of a log stream, oldest first. */
export interface LogReader {
  /**
   * A stream that is not there has no lines. Lines come printable, cut, and without anything that looks like a secret.
   *
   * @param streamEnd last part of the stream's name: the task's id
   * @param streamPrefix first part, when it is known
   * @throws errors of CloudWatch Logs
   */
  lastLines(logGroup: string, streamEnd: string, limit: number, streamPrefix?: string): Promise<string[]>;
}

/** How long to wait for what. */
export interface Patience {
  /** Milliseconds between two questions to ECS. */
  readonly pollMs: number;
  /** Milliseconds between a task's RUNNING and its exec agent's, or its health. */
  readonly readyMs: number;
  /** Milliseconds for one session; a script in it may wait for the server and for a session like it. */
  readonly sessionMs: number;
  /** Seconds for which a script waits for the server's API. */
  readonly serverSeconds: number;
  /** Tasks of one deployment that may stop before the server is given up. */
  readonly stoppedTasks: number;
  /** Milliseconds for which a refused call is tried again, until a right granted in the same update is in force. */
  readonly rightsMs: number;
  /** Milliseconds for which another run for the same event is left to make its tokens: it has one session to do so. */
  readonly otherRunMs: number;
}

export const PATIENCE: Patience = {
  pollMs: 1_000,
  readyMs: 180_000,
  sessionMs: 150_000,
  serverSeconds: 60,
  stoppedTasks: 3,
  rightsMs: 60_000,
  otherRunMs: 150_000,
};

/** Everything that the capture reaches out with; the handler makes it, tests make it of real protocol peers. */
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
