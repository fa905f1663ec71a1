import { FRAME_FLAGS, MESSAGE_TYPE } from "./constants.ts";
import { MalformedFrame } from "./errors.ts";
import { isJsonObject, parseJson } from "./json.ts";
import { type AgentMessage, encodeMessage } from "./message.ts";

/** The part of an acknowledgement that peers look at. */
export interface Acknowledgement {
  readonly messageType: string;
  readonly messageId: string;
  readonly sequenceNumber: number;
}

/**
 * The frame that acknowledges a message of the peer.
 *
 * @param identity id and date of the new frame. @default - a fresh id and the present time
 */
export function encodeAcknowledgement(
  received: Pick<AgentMessage, "messageType" | "messageId" | "sequenceNumber">,
  identity: Partial<Pick<AgentMessage, "messageId" | "createdDate">> = {},
): Buffer {
  const payload = Buffer.from(
    JSON.stringify({
      AcknowledgedMessageType: received.messageType,
      AcknowledgedMessageId: received.messageId,
      AcknowledgedMessageSequenceNumber: received.sequenceNumber,
      IsSequentialMessage: true,
    }),
  );
  return encodeMessage({
    ...identity,
    messageType: MESSAGE_TYPE.acknowledge,
    sequenceNumber: 0,
    flags: FRAME_FLAGS.synFin,
    payload,
  });
}

/** @throws MalformedFrame when the payload isn't an acknowledgement */
export function decodeAcknowledgement(payload: Uint8Array): Acknowledgement {
  const content = parseJson(payload, "an acknowledgement");
  if (!isJsonObject(content)) throw new MalformedFrame("an acknowledgement is not a JSON object");
  const sequenceNumber = content.AcknowledgedMessageSequenceNumber;
  if (typeof sequenceNumber !== "number" || !Number.isSafeInteger(sequenceNumber) || sequenceNumber < 0)
    throw new MalformedFrame("an acknowledgement has no sequence number");
  return {
    messageType: String(content.AcknowledgedMessageType ?? ""),
    messageId: String(content.AcknowledgedMessageId ?? ""),
    sequenceNumber,
  };
}
