import { MalformedFrame } from "./errors.ts";
import { encodeJson, isJsonObject, parseJson } from "./json.ts";

/** The first frame of a client, the only one that is text. Nobody answers or acknowledges it. */
export interface OpenDataChannel {
  /** The token that came with the stream's URL. A credential: never to be logged. */
  readonly tokenValue: string;
  /** UUID, at least 16 characters. */
  readonly requestId: string;
  /** UUID; the same one is kept when the session is resumed. */
  readonly clientId: string;
  readonly clientVersion: string;
}

/** Writes the text frame that opens a channel. */
export function encodeOpenDataChannel(open: OpenDataChannel): string {
  return JSON.stringify({
    MessageSchemaVersion: "1.0",
    RequestId: open.requestId,
    TokenValue: open.tokenValue,
    ClientId: open.clientId,
    ClientVersion: open.clientVersion,
  });
}

/** @throws MalformedFrame when it isn't the frame that opens a channel; the text is not quoted */
export function decodeOpenDataChannel(text: string): OpenDataChannel {
  const content = parseJson(Buffer.from(text), "the frame that opens the channel");
  if (!isJsonObject(content) || typeof content.TokenValue !== "string")
    throw new MalformedFrame("the frame that opens the channel has no token");
  return {
    tokenValue: content.TokenValue,
    requestId: String(content.RequestId ?? ""),
    clientId: String(content.ClientId ?? ""),
    clientVersion: String(content.ClientVersion ?? ""),
  };
}

/** Size of a terminal, in characters. */
export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** Payload of type `size`. */
export const encodeSize = ({ cols, rows }: TerminalSize): Buffer => encodeJson({ cols, rows });

/** @throws MalformedFrame */
export function decodeSize(payload: Uint8Array): TerminalSize {
  const content = parseJson(payload, "a terminal's size");
  if (!isJsonObject(content) || !isCount(content.cols) || !isCount(content.rows))
    throw new MalformedFrame("a terminal's size has no columns or rows");
  return { cols: content.cols, rows: content.rows };
}

/** Payload of type `flag`. */
export function encodeSessionFlag(flag: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(flag);
  return payload;
}

/** @throws MalformedFrame */
export function decodeSessionFlag(payload: Uint8Array): number {
  if (payload.length !== 4) throw new MalformedFrame(`a flag has ${payload.length} bytes`);
  return Buffer.from(payload.buffer, payload.byteOffset, 4).readUInt32BE();
}

/** Payload of type `exitCode`, sent by sessions that keep the outputs apart. */
export const encodeExitCode = (exitCode: number): Buffer => Buffer.from(`EXIT_CODE: ${exitCode}`);

/** @throws MalformedFrame */
export function decodeExitCode(payload: Uint8Array): number {
  const match = /^EXIT_CODE: (-?\d{1,10})\s*$/.exec(Buffer.from(payload).toString("latin1"));
  if (!match) throw new MalformedFrame("an exit code is not a number");
  return Number(match[1]);
}

/** Content of a message `channel_closed`. */
export interface ChannelClosed {
  readonly sessionId: string;
  /**
   * Empty at a normal end; otherwise the agent's error text. It is independent of the command's exit code.
   */
  readonly output: string;
}

/** Payload of the message with which the service ends a session. */
export function encodeChannelClosed(
  closed: ChannelClosed & { readonly messageId: string; readonly createdDate: Date },
): Buffer {
  return encodeJson({
    MessageType: "channel_closed",
    MessageId: closed.messageId,
    DestinationId: closed.sessionId,
    SessionId: closed.sessionId,
    SchemaVersion: 1,
    CreatedDate: closed.createdDate.toISOString(),
    Output: closed.output,
  });
}

/** @throws MalformedFrame */
export function decodeChannelClosed(payload: Uint8Array): ChannelClosed {
  const content = parseJson(payload, "channel_closed");
  if (!isJsonObject(content)) throw new MalformedFrame("channel_closed is not a JSON object");
  return { sessionId: String(content.SessionId ?? ""), output: String(content.Output ?? "") };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
