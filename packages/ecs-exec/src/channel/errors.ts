import { DbwardError } from "@dbward-aws/core";

/**
 * The connection went away before the service ended the session. Whether the command ran, and to which end, is not
 * known. Thrown after every way of resuming the session has failed; a read-only command has been run again before.
 */
export class ChannelLost extends DbwardError {
  override readonly name = "ChannelLost";

  /** @param what what was seen of it, a clause without its full stop */
  constructor(what: string, options: { readonly cause?: unknown } = {}) {
    super(
      "channel-lost",
      `The connection to the container's session was lost: ${what}. Whether the command ran to its end is unknown.`,
      { ...options, hint: "Look at what the command should have done before you run it again." },
    );
  }
}

/**
 * The agent's opening negotiation did not come to an end, or asked for what this client can't do. The agent starts the command after it, so that
 * it was most often not run; an end of the negotiation that got lost looks the same.
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
 * The session is to be encrypted with a KMS key, and caller or agent can't get or use a data key. The command was not run: the agent starts it after that.
 */
export class EncryptionFailed extends DbwardError {
  override readonly name = "EncryptionFailed";

  constructor(what: string, options: { readonly cause?: unknown } = {}) {
    super("session-encryption-failed", `Encrypting the session failed: ${what}. The command was not run.`, {
      ...options,
      hint: "Allow kms:GenerateDataKey on the cluster's exec key to the caller, and kms:Decrypt to the task role.",
    });
  }
}
