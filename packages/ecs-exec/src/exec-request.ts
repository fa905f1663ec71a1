import type { Deadline } from "@dbward-aws/core";
import type { ContainerReference } from "./ecs/container.ts";

/** What is run: a script of the shell, or one command given as its words. */
export type ScriptOrCommand =
  | {
      /**
       * Text of a POSIX shell script, run by `/bin/sh -c`. It becomes part of the command line, which CloudTrail
       * records and the container's process list shows: secrets belong into `stdin`.
       */
      readonly script: string;
      readonly command?: undefined;
    }
  | {
      /** The command and its arguments; no shell looks at them. */
      readonly command: readonly string[];
      readonly script?: undefined;
    };

/** A command to run in a container. */
export type ExecRequest = ContainerReference &
  ScriptOrCommand & {
    /** Standard input, at most 1 MiB. @default - the command reads from /dev/null */
    readonly stdin?: Uint8Array | string;
    /**
     * The command only reads: run it again, at most twice, when the connection was lost or the output came
     * incomplete. @default false
     */
    readonly readOnly?: boolean;
    /** Throw CommandFailed when the exit code isn't 0. @default false */
    readonly requireSuccess?: boolean;
    /** Until when all of it must be done. */
    readonly deadline: Deadline;
    /** Gives up earlier; the call then rejects with the signal's reason. */
    readonly signal?: AbortSignal;
    /** Milliseconds for which an exec agent that ECS can't reach yet is asked for again. @default 60000 */
    readonly connectWithin?: number;
    /** Bytes of output that are held in memory at most. @default 64 MiB */
    readonly maxOutputBytes?: number;
  };

/** What is known of a command that ran to its end. */
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
