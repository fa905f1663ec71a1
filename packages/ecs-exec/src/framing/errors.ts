import { DbwardError } from "@dbward-aws/core";

/**
 * The session ended, or something else wrote to the terminal, before all of the command's output had arrived.
 * Unless the message says otherwise, it is unknown whether the command ran, and how it ended.
 */
export class OutputTruncated extends DbwardError {
  override readonly name = "OutputTruncated";

  /** @param what what is missing, a clause without a full stop */
  constructor(what: string, options: { readonly cause?: unknown } = {}) {
    super(
      "output-truncated",
      `Reading the command's output from the container failed: ${what}. It is unknown whether the command ran, and how it ended.`,
      {
        ...options,
        hint: "Check whether the task was stopped, then run the command again if that is safe.",
      },
    );
  }
}

/** The command's standard input did not arrive as it was sent. The command was not run. */
export class InputTruncated extends DbwardError {
  override readonly name = "InputTruncated";

  constructor() {
    super(
      "input-truncated",
      "Sending the command's standard input to the container failed: its checksum in the container is different.",
      { hint: "The command was not run. Try again." },
    );
  }
}

/**
 * The container's image lacks the tools that carry output and standard input over a terminal unchanged. The
 * command was not run.
 */
export class ToolsMissing extends DbwardError {
  override readonly name = "ToolsMissing";

  constructor() {
    super(
      "exec-tools-missing",
      "Running a command in the container failed: its image has neither base64, cksum, tee and tail nor od and tail, or for standard input neither cksum nor sha256sum.",
      { hint: "Use an image with coreutils or BusyBox, or open a raw session. The command was not run." },
    );
  }
}

/** Command or standard input is longer than a session can take. Nothing was sent. */
export class InputTooLarge extends DbwardError {
  override readonly name = "InputTooLarge";

  constructor(what: string) {
    super("exec-input-too-large", `Preparing a command for the container failed: ${what}.`, {
      hint: "Store large data where the task can fetch it, such as S3, and send its location.",
    });
  }
}
