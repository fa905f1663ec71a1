import { DbwardError } from "@dbward-aws/core";

interface Cause {
  readonly cause?: unknown;
}

/** ECS doesn't reach the task's exec agent. Thrown after it was tried for the time that was given. */
export class TargetNotConnected extends DbwardError {
  override readonly name = "TargetNotConnected";

  /** @param tried how long and how often, as in `for 60 s, 14 times` */
  constructor(tried: string, options: Cause = {}) {
    super("target-not-connected", `ECS didn't reach the exec agent of the container, tried ${tried}.`, {
      ...options,
      hint: "Check that the task role allows ssmmessages:*, that the subnet has a way to ssmmessages, and that the root file system is writable.",
    });
  }
}

/** The task exists, allows exec, and its exec agent isn't running: not yet, or no longer. */
export class AgentNotRunning extends DbwardError {
  override readonly name = "AgentNotRunning";

  constructor(what: string, options: Cause = {}) {
    super("exec-agent-not-running", `The exec agent of the container isn't running: ${what}.`, {
      ...options,
      hint: "Wait until the task's managedAgents say RUNNING; if they never do, replace the task.",
    });
  }
}

/** The task was started without `enableExecuteCommand`. */
export class ExecNotEnabled extends DbwardError {
  override readonly name = "ExecNotEnabled";

  constructor(options: Cause = {}) {
    super("exec-not-enabled", "ECS Exec isn't enabled for the task.", {
      ...options,
      hint: "Set enableExecuteCommand on the service and force a new deployment: running tasks keep what they have.",
    });
  }
}

/** There is no such task, it isn't running, or it has no such container. */
export class TaskNotFound extends DbwardError {
  override readonly name = "TaskNotFound";

  constructor(what: string, options: Cause = {}) {
    super("exec-task-not-found", `There is no container to run the command in: ${what}.`, {
      ...options,
      hint: "Ask the service for its running tasks again: this one may have been replaced.",
    });
  }
}

/** The caller may not do what is needed. */
export class AccessDenied extends DbwardError {
  override readonly name = "AccessDenied";

  constructor(what: string, options: Cause = {}) {
    super("exec-access-denied", `AWS refused ${what}.`, {
      ...options,
      hint: "Allow the caller ecs:ExecuteCommand on the cluster and the task.",
    });
  }
}

/** ECS refused to open a session, for another reason than those with an error of their own, or couldn't be asked. The command was not run. */
export class SessionRefused extends DbwardError {
  override readonly name = "SessionRefused";

  constructor(what: string, options: Cause = {}) {
    super("session-refused", `Opening a session with the container failed: ${what}.`, {
      ...options,
      hint: "The command was not run. Read the answer above, then try again.",
    });
  }
}

/** The exec agent said that it did not start the command line: nothing was run. */
export class CommandNotStarted extends DbwardError {
  override readonly name = "CommandNotStarted";

  /** @param answer what the agent said, cut and without control characters */
  constructor(answer: string, options: Cause = {}) {
    super("command-not-started", `The container didn't start the command: ${answer}.`, {
      ...options,
      hint: "Nothing was run. Look whether the image has the program: /bin/sh, unless a raw session was opened.",
    });
  }
}

/** The command ended with another exit code than 0, and `requireSuccess` was set. */
export class CommandFailed extends DbwardError {
  override readonly name = "CommandFailed";
  readonly exitCode: number;
  /** The last 64 KiB of its standard error. Not part of the message: it may hold anything. */
  readonly stderr: Uint8Array;

  constructor(exitCode: number, stderr: Uint8Array) {
    super("command-failed", `The command in the container ended with exit code ${exitCode}.`, {
      hint: "Its standard error, a member of this error, says why.",
    });
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

/** What is known of a command when the time is up. */
export type CommandFate = "not-run" | "interrupted" | "unknown";

const FATES: Readonly<Record<CommandFate, string>> = {
  "not-run": "The command was not run.",
  interrupted: "The command was interrupted, and its session has ended.",
  unknown: "The command may still run, or start.",
};

/**
 * The deadline passed. The command was sent an interrupt, and some seconds were left for that: the message says what came of it.
 */
export class Timeout extends DbwardError {
  override readonly name = "Timeout";
  /** What is known of the command. */
  readonly fate: CommandFate;

  /** @param doing what was under way, as in `waiting for the command to end` */
  constructor(doing: string, fate: CommandFate, options: Cause = {}) {
    super(
      "exec-timeout",
      `The time for running a command in the container was up while ${doing}. ${FATES[fate]}`,
      {
        ...options,
        hint: "Give it more time, or look in the task's log what keeps it.",
      },
    );
    this.fate = fate;
  }
}

/** The command wrote more than the caller is ready to hold. It was sent an interrupt, and may still run. */
export class OutputTooLarge extends DbwardError {
  override readonly name = "OutputTooLarge";

  constructor(limit: number) {
    super(
      "output-too-large",
      `The command in the container wrote more than ${limit} bytes. It was sent an interrupt, and may still run.`,
      { hint: "Raise maxOutputBytes, read its output as a stream, or have it write less." },
    );
  }
}

/** This runtime has no WebSocket, and the package `ws` isn't installed. */
export class NoWebSocket extends DbwardError {
  override readonly name = "NoWebSocket";

  constructor(options: Cause = {}) {
    super("no-web-socket", "This runtime has no WebSocket client.", {
      ...options,
      hint: "Use Node 22 or later, set NODE_OPTIONS=--experimental-websocket on Node 20, or install the package ws.",
    });
  }
}
