import type { Deadline } from "@dbward-aws/core";
import type { ContainerReference } from "./ecs/container.ts";

/** What to run: a shell script, or one command as a list of words. */
export type ScriptOrCommand =
  | {
      /**
       * Text of a POSIX shell script, run by `/bin/sh -c`. It becomes part of the command line, which
       * CloudTrail records and the container's process list shows: pass secrets in `stdin`.
       */
      readonly script: string;
      readonly command?: undefined;
    }
  | {
      /** The command and its arguments, which no shell interprets. */
      readonly command: readonly string[];
      readonly script?: undefined;
    };

/** A command to run in a container. */
export type ExecRequest = ContainerReference &
  ScriptOrCommand & {
    /** Standard input, at most 1 MiB. @default - the command reads from /dev/null */
    readonly stdin?: Uint8Array | string;
    /**
     * The command has no side effects: it is run again, at most twice, when the connection was lost or the
     * output arrived incomplete. @default false
     */
    readonly readOnly?: boolean;
    /** Throw CommandFailed when the exit code isn't 0. @default false */
    readonly requireSuccess?: boolean;
    /** When the whole call must have ended. */
    readonly deadline: Deadline;
    /** Aborts the call, which then rejects with the signal's reason. */
    readonly signal?: AbortSignal;
    /** Milliseconds for which the call is repeated while ECS can't reach the exec agent. @default 60000 */
    readonly connectWithin?: number;
    /** Largest output that is held in memory, in bytes. @default 64 MiB */
    readonly maxOutputBytes?: number;
  };

/** The outcome of a command that has ended. */
export interface ExecOutcome {
  readonly exitCode: number;
  /** The last 64 KiB of its standard error. */
  readonly stderr: Uint8Array;
  readonly sessionId: string;
  /** 1, or more when a read-only command was run again. */
  readonly attempts: number;
}

/** {@link ExecOutcome} with the output, byte by byte as the command wrote it. */
export interface ExecResult extends ExecOutcome {
  readonly stdout: Uint8Array;
}
