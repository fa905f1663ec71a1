import { DbwardError } from "@dbward-aws/core";

/**
 * The connection was lost before the service ended the session, and the session could not be resumed. It is
 * unknown whether the command ran, and how it ended. A read-only command is run again before this is thrown.
 */
export class ChannelLost extends DbwardError {
  override readonly name = "ChannelLost";
  /** What was observed. */
  readonly what: string;

  /** @param what what was observed, a clause without a full stop */
  constructor(what: string, options: { readonly cause?: unknown } = {}) {
    super(
      "channel-lost",
      `The connection to the container's session was lost: ${what}. It is unknown whether the command ran to its end.`,
      { ...options, hint: "Check what the command has done before you run it again." },
    );
    this.what = what;
  }
}

/**
 * The agent's handshake did not end, or asked for something that this client doesn't support. The agent
 * starts the command after the handshake, so it was most likely not run; a lost last message of the handshake
 * looks the same.
 */
export class HandshakeFailed extends DbwardError {
  override readonly name = "HandshakeFailed";

  constructor(what: string, options: { readonly cause?: unknown } = {}) {
    super("handshake-failed", `Opening the session with the container's exec agent failed: ${what}.`, {
      ...options,
      hint: "Replace the task, so that it gets a current exec agent, and try again.",
    });
  }
}

/**
 * The session must be encrypted with a KMS key, and the caller or the agent can't get or use a data key.
 * Nothing was run: the agent starts the command later.
 */
export class EncryptionFailed extends DbwardError {
  override readonly name = "EncryptionFailed";

  constructor(what: string, options: { readonly cause?: unknown } = {}) {
    super(
      "session-encryption-failed",
      `Encrypting the session failed: ${what}. Nothing was run in the container.`,
      {
        ...options,
        hint: "Allow kms:GenerateDataKey on the cluster's exec key to the caller, and kms:Decrypt to the task role.",
      },
    );
  }
}
