import { hash, randomUUID } from "node:crypto";
import { FRAME_FLAGS, HEADER_LENGTH, MESSAGE_TYPE, PAYLOAD_OFFSET } from "./constants.ts";
import { MalformedFrame } from "./errors.ts";
import { readSwappedUuid, writeSwappedUuid } from "./uuid.ts";

const OFFSET = {
  headerLength: 0,
  messageType: 4,
  schemaVersion: 36,
  createdDate: 40,
  sequenceNumber: 48,
  flags: 56,
  messageId: 64,
  payloadDigest: 80,
  payloadType: 112,
  payloadLength: 116,
} as const;
const MESSAGE_TYPE_LENGTH = OFFSET.schemaVersion - OFFSET.messageType;
const DIGEST_LENGTH = OFFSET.payloadType - OFFSET.payloadDigest;

/** One binary frame of the channel; the layout is the same in both directions. */
export interface AgentMessage {
  /** One of `MESSAGE_TYPE`, or a type that this version doesn't know. */
  readonly messageType: string;
  readonly schemaVersion: number;
  /** Milliseconds since 1970. */
  readonly createdDate: number;
  /** From 0, one more with each stream message of a direction, across all payload types and reconnects. */
  readonly sequenceNumber: number;
  /** See `FRAME_FLAGS`. */
  readonly flags: number;
  /** UUID, in lower case. */
  readonly messageId: string;
  /** One of `PAYLOAD_TYPE`, or a type that this version doesn't know. */
  readonly payloadType: number;
  /** Shares its memory with the frame that it was read from. */
  readonly payload: Uint8Array;
}

/** The fields of a message to write; those left out have defaults. */
export type NewMessage = Pick<AgentMessage, "messageType" | "sequenceNumber" | "payload"> &
  Partial<AgentMessage>;

/**
 * Writes a message as one binary frame, with the SHA-256 digest of its payload.
 *
 * Defaults: schema version 1, flags 0, payload type 0, a fresh message id, the present time.
 *
 * @throws RangeError when a member doesn't fit its field
 */
export function encodeMessage(message: NewMessage): Buffer {
  const { messageType, payload } = message;
  if (messageType.length > MESSAGE_TYPE_LENGTH) throw new RangeError("The type of a message is too long");
  const frame = Buffer.allocUnsafe(PAYLOAD_OFFSET + payload.length);
  frame.writeUInt32BE(HEADER_LENGTH, OFFSET.headerLength);
  frame.write(messageType.padEnd(MESSAGE_TYPE_LENGTH), OFFSET.messageType, MESSAGE_TYPE_LENGTH, "latin1");
  frame.writeUInt32BE(message.schemaVersion ?? 1, OFFSET.schemaVersion);
  frame.writeBigInt64BE(BigInt(message.createdDate ?? Date.now()), OFFSET.createdDate);
  frame.writeBigInt64BE(BigInt(message.sequenceNumber), OFFSET.sequenceNumber);
  frame.writeBigInt64BE(BigInt(message.flags ?? FRAME_FLAGS.none), OFFSET.flags);
  writeSwappedUuid(message.messageId ?? randomUUID(), frame, OFFSET.messageId);
  digest(payload).copy(frame, OFFSET.payloadDigest);
  frame.writeUInt32BE(message.payloadType ?? 0, OFFSET.payloadType);
  frame.writeUInt32BE(payload.length, OFFSET.payloadLength);
  frame.set(payload, PAYLOAD_OFFSET);
  return frame;
}

/**
 * Reads one binary frame, and checks its digest unless it has no payload.
 *
 * As every known peer does, it takes all bytes after the header for the payload and doesn't look at
 * PayloadLength: the digest says whether they are whole. start_publication and pause_publication may come
 * with anything in their other members, so nothing of those is checked.
 *
 * @param options `checkDigest: false`: takes any digest, as the agent does with what it receives
 * @throws MalformedFrame when it is too short, has another header length, a number out of range, or a wrong
 * digest
 */
export function decodeMessage(bytes: Uint8Array, { checkDigest = true } = {}): AgentMessage {
  if (bytes.length < PAYLOAD_OFFSET) throw new MalformedFrame(`it has only ${bytes.length} bytes`);
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const headerLength = frame.readUInt32BE(OFFSET.headerLength);
  if (headerLength !== HEADER_LENGTH) throw new MalformedFrame(`its header length is ${headerLength}`);
  const messageType = readMessageType(frame);
  const unchecked =
    messageType === MESSAGE_TYPE.startPublication || messageType === MESSAGE_TYPE.pausePublication;
  const payload = frame.subarray(PAYLOAD_OFFSET);
  if (checkDigest && !unchecked && payload.length > 0) {
    const written = frame.subarray(OFFSET.payloadDigest, OFFSET.payloadDigest + DIGEST_LENGTH);
    if (!digest(payload).equals(written)) throw new MalformedFrame("the digest of its payload is wrong");
  }
  const number = (name: string, offset: number): number => {
    const value = Number(frame.readBigInt64BE(offset));
    if (Number.isSafeInteger(value) && value >= 0) return value;
    if (unchecked) return 0;
    throw new MalformedFrame(`its ${name} is out of range`);
  };
  return {
    messageType,
    schemaVersion: frame.readUInt32BE(OFFSET.schemaVersion),
    createdDate: number("date", OFFSET.createdDate),
    sequenceNumber: number("sequence number", OFFSET.sequenceNumber),
    flags: number("flags", OFFSET.flags),
    messageId: readSwappedUuid(frame, OFFSET.messageId),
    payloadType: frame.readUInt32BE(OFFSET.payloadType),
    payload,
  };
}

/** Peers pad the type with spaces, older ones with NUL. */
function readMessageType(frame: Buffer): string {
  const text = frame.toString("latin1", OFFSET.messageType, OFFSET.schemaVersion);
  const end = text.indexOf("\0");
  return (end === -1 ? text : text.slice(0, end)).trim();
}

function digest(payload: Uint8Array): Buffer {
  return hash("sha256", payload, "buffer");
}
