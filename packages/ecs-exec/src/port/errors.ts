import { DbwardError } from "@dbward-aws/core";

interface Cause {
  readonly cause?: unknown;
}

/** Why one connection to a port failed. */
export type PortConnectionFailure = "refused" | "silent" | "stuck";

const FAILURES: Readonly<Record<PortConnectionFailure, { readonly what: string; readonly hint: string }>> = {
  refused: {
    what: "the exec agent couldn't connect to it",
    hint: "Check that a program in the task listens on that port, and that the task's security group allows it to reach the host.",
  },
  silent: {
    what: "it was ended on this side, and nothing arrived for too long",
    hint: "Keep the connection open for writing until the answer has arrived, or raise halfCloseTimeout.",
  },
  stuck: {
    what: "its data was not read on this side, which blocked all other connections of the session",
    hint: "Read the data as it arrives, or use a separate session for it.",
  },
};

/** One connection to a port failed; the session and its other connections go on. */
export class PortConnectionFailed extends DbwardError {
  override readonly name = "PortConnectionFailed";
  readonly reason: PortConnectionFailure;

  /** @param destination such as `localhost:3000 of the task` */
  constructor(reason: PortConnectionFailure, destination: string) {
    const { what, hint } = FAILURES[reason];
    super("port-connection-failed", `The connection to ${destination} failed: ${what}.`, { hint });
    this.reason = reason;
  }
}

/** A port session, and its connections, ended without a call of close() or its signal. */
export class PortSessionEnded extends DbwardError {
  override readonly name = "PortSessionEnded";

  /** @param what what was observed, or the agent's text: a clause without a full stop */
  constructor(destination: string, what: string, options: Cause = {}) {
    super("port-session-ended", `The session with ${destination} ended: ${what}.`, {
      ...options,
      hint: "Check that the task still runs, and open the port again.",
    });
  }
}

/** The deadline passed before a port was open. */
export class PortTimeout extends DbwardError {
  override readonly name = "PortTimeout";

  constructor(destination: string, options: Cause = {}) {
    super("port-timeout", `Opening the session with ${destination} took too long.`, {
      ...options,
      hint: "Allow more time, and check that the task's exec agent is running.",
    });
  }
}

/** Something else listens on the local port. */
export class LocalPortInUse extends DbwardError {
  override readonly name = "LocalPortInUse";

  constructor(port: number, options: Cause = {}) {
    super("local-port-in-use", `Listening on port ${port} of this machine failed: it is in use.`, {
      ...options,
      hint: "Choose another local port, or none to use any free one.",
    });
  }
}
