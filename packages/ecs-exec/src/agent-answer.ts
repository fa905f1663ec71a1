import type { DbwardError } from "@dbward-aws/core";
import { EncryptionFailed, HandshakeFailed } from "./channel/index.ts";
import { CommandNotStarted } from "./errors.ts";
import { printable } from "./printable.ts";

/** What the agent puts before the text of an error. */
const ERROR_HEADING = /^\s*-+ERROR-+\s*/;

/**
 * The agent's texts for sessions that end before the command is started. After any other text, the fate of
 * the command is unknown.
 */
const NOT_STARTED = [
  /^Unable to start command\b/,
  /^Commands cannot be empty\b/,
  /^Invalid format in session properties\b/,
  /^Setting up data channel with id \S+ failed\b/,
  /^Plugin with name \S+ (?:is not supported|not found)\b/,
  // The log group or the bucket of the cluster's session logging isn't encrypted, or the agent can't find
  // out.
  /^(?:We c|C)ouldn.t start the session\b/,
];
const HANDSHAKE = /^Encountered error while initiating handshake\b/;
/**
 * The rest of such a text when KMS refused the agent the data key, or when it came to another key than the
 * client.
 */
const ENCRYPTION = /\b(?:data key|BlockCipher|encryption challenge|KMSEncryption|random challenge)\b/i;

/** The agent's text at the end of a session as one line, without its heading. */
export function agentAnswer(output: string): string {
  return printable(output.replace(ERROR_HEADING, ""));
}

/**
 * The error for a session whose command was not started, if the agent's text proves that.
 *
 * @param answer what {@link agentAnswer} made of its text
 * @returns `undefined` when the text doesn't prove it
 */
export function explainRefusedCommand(answer: string): DbwardError | undefined {
  if (NOT_STARTED.some((text) => text.test(answer))) return new CommandNotStarted(answer);
  if (!HANDSHAKE.test(answer)) return undefined;
  const what = `the agent answered "${answer}"`;
  return ENCRYPTION.test(answer) ? new EncryptionFailed(what) : new HandshakeFailed(what);
}
