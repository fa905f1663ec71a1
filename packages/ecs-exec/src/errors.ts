import { DbwardError } from "@dbward-aws/core";

interface Cause {
  readonly cause?: unknown;
}

/** ECS can't reach the task's exec agent. Thrown after repeated attempts, see `connectWithin`. */
export class TargetNotConnected extends DbwardError {
  override readonly name = "TargetNotConnected";

  /** @param tried how long and how often, as in `for 60 s, 14 times` */
  constructor(tried: string, options: Cause = {}) {
    super(
      "target-not-connected",
      `ECS couldn't reach the exec agent of the container, after trying ${tried}.`,
      {
        ...options,
        hint:
          "Check that the task role allows the four ssmmessages actions, that the subnet has a route to ssmmessages, and that the root " +
          "file system is writable.",
      },
    );
  }
}

/** The task exists, allows exec, and its exec agent isn't running: not yet, or no longer. */
export class AgentNotRunning extends DbwardError {
  override readonly name = "AgentNotRunning";

  constructor(what: string, options: Cause = {}) {
    super("exec-agent-not-running", `The exec agent of the container isn't running: ${what}.`, {
      ...options,
      hint:
        "Right after the start of a task, wait until ECS reports its ExecuteCommandAgent as RUNNING. An agent that has stopped doesn't start again: check " +
        "that the root file system is writable and that the container has memory left, then replace the task.",
    });
  }
}

/** The task was started without `enableExecuteCommand`. */
export class ExecNotEnabled extends DbwardError {
  override readonly name = "ExecNotEnabled";

  constructor(options: Cause = {}) {
    super("exec-not-enabled", "ECS Exec isn't enabled for the task.", {
      ...options,
      hint: "Set enableExecuteCommand on the service and force a new deployment: running tasks keep their setting.",
    });
  }
}

/** There is no such task, it isn't running, or it has no such container. */
export class TaskNotFound extends DbwardError {
  override readonly name = "TaskNotFound";

  /** @param hint what to do. @default - to list the running tasks again */
  constructor(
    what: string,
    options: Cause = {},
    hint = "List the service's running tasks again: this one may have been replaced.",
  ) {
    super("exec-task-not-found", `The container doesn't exist or isn't running: ${what}.`, {
      ...options,
      hint,
    });
  }
}

/** AWS refused a call because the caller lacks a permission. */
export class AccessDenied extends DbwardError {
  override readonly name = "AccessDenied";

  constructor(what: string, options: Cause & { readonly hint?: string } = {}) {
    super("exec-access-denied", `AWS refused ${what}.`, {
      hint: "Allow the caller ecs:ExecuteCommand on the cluster and the task.",
      ...options,
    });
  }
}

/**
 * ECS refused to open a session, for a reason without an error class of its own, or couldn't be reached. The
 * command was not run.
 */
export class SessionRefused extends DbwardError {
  override readonly name = "SessionRefused";

  constructor(what: string, options: Cause = {}) {
    super("session-refused", `Opening a session with the container failed: ${what}.`, {
      ...options,
      hint: "The command was not run. Read the answer above, then try again.",
    });
  }
}

/** The exec agent reported that it did not start the command line: nothing was run. */
export class CommandNotStarted extends DbwardError {
  override readonly name = "CommandNotStarted";

  /** @param answer the agent's text, shortened and without control characters */
  constructor(answer: string, options: Cause = {}) {
    super("command-not-started", `The container didn't start the command: ${answer}.`, {
      ...options,
      hint: "Nothing was run. Check that the image has the program: /bin/sh, unless `open` was called.",
    });
  }
}

/** The command ended with an exit code other than 0, and `requireSuccess` was set. */
export class CommandFailed extends DbwardError {
  override readonly name = "CommandFailed";
  readonly exitCode: number;
  /** The last 64 KiB of its standard error. Not part of the message: it may hold anything. */
  readonly stderr: Uint8Array;

  constructor(exitCode: number, stderr: Uint8Array) {
    super("command-failed", `The command in the container ended with exit code ${exitCode}.`, {
      hint: "Read its standard error, the member `stderr` of this error.",
    });
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

/** What is known of a command whose deadline has passed. */
export type CommandFate = "not-run" | "interrupted" | "unknown";

const FATES: Readonly<Record<CommandFate, string>> = {
  "not-run": "The command was not run.",
  interrupted: "The command was interrupted, and its session has ended.",
  unknown: "The command may still run, or start.",
};

/**
 * The deadline passed. The command was interrupted and got some more seconds to end; `fate` is what is known
 * of it.
 */
export class Timeout extends DbwardError {
  override readonly name = "Timeout";
  /** What is known of the command. */
  readonly fate: CommandFate;

  /** @param doing what was under way, as in `waiting for the command to end` */
  constructor(doing: string, fate: CommandFate, options: Cause = {}) {
    super(
      "exec-timeout",
      `Running a command in the container took too long, while ${doing}. ${FATES[fate]}`,
      {
        ...options,
        hint: "Allow more time, or read the task's log to see what delays it.",
      },
    );
    this.fate = fate;
  }
}

/** The command wrote more than `maxOutputBytes`. It was interrupted, and may still run. */
export class OutputTooLarge extends DbwardError {
  override readonly name = "OutputTooLarge";

  constructor(limit: number) {
    super(
      "output-too-large",
      `The command in the container wrote more than ${limit} bytes. It was interrupted, and may still run.`,
      { hint: "Raise maxOutputBytes, use stream(), or make the command write less." },
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
