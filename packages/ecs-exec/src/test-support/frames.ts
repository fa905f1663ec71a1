import { randomUUID } from "node:crypto";
import { PosixCksum } from "../framing/posix-cksum.ts";
import { encodeChannelClosed, encodeMessage, MESSAGE_TYPE } from "../protocol/index.ts";

/** The frame with which the service ends a session. */
export function channelClosed(output: string): Buffer {
  const messageId = randomUUID();
  return encodeMessage({
    messageType: MESSAGE_TYPE.channelClosed,
    messageId,
    sequenceNumber: 0,
    payload: encodeChannelClosed({ sessionId: "session-1", output, messageId, createdDate: new Date() }),
  });
}

/** What the terminal shows of a framed command that wrote `stdout`. */
export function transcript(nonce: string, stdout: Uint8Array, exitCode: number): Buffer {
  const cksum = new PosixCksum();
  cksum.update(stdout);
  const lines = Buffer.from(stdout)
    .toString("base64")
    .replace(/.{1,76}/g, "$&\r\n");
  return Buffer.from(
    `@${nonce}:begin:base64\r\n${lines}\r\n@${nonce}:end\r\n${exitCode}\r\n` +
      `${cksum.value} ${cksum.length}\r\n\r\n@${nonce}:done\r\n`,
  );
}

/** Cuts bytes into pieces of the given sizes, over and over. */
export function split(bytes: Uint8Array, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    pieces.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return pieces;
}
