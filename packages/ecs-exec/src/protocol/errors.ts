import { DbwardError } from "@dbward-aws/core";

/**
 * Bytes that came through the channel are not a message of the protocol.
 *
 * The client drops such a frame without acknowledging it, as it does with one that was lost on the way, and
 * gives the session up only when too many of them come: then this error is the cause of a `ChannelLost`.
 */
export class MalformedFrame extends DbwardError {
  override readonly name = "MalformedFrame";
  /** What is wrong with it. */
  readonly what: string;

  constructor(what: string) {
    super("malformed-frame", `Reading a frame of the Session Manager data channel failed: ${what}.`, {
      hint: "Look for a proxy on the way that changes WebSocket messages.",
    });
    this.what = what;
  }
}
