import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeAcknowledgement, encodeAcknowledgement } from "./acknowledge.ts";
import { MESSAGE_TYPE, PAYLOAD_TYPE } from "./constants.ts";
import { MalformedFrame } from "./errors.ts";
import { decodeMessage, encodeMessage } from "./message.ts";

const ID = "00112233-4455-4677-8899-aabbccddeeff";

/** `ls\r` as input with sequence number 5: byte-identical from the serializers of plugin and agent. */
const INPUT_VECTOR = Buffer.from(
  [
    "00000074",
    "696e7075745f73747265616d5f64617461202020202020202020202020202020",
    "00000001 0000018bcfe56800 0000000000000005 0000000000000000",
    "8899aabbccddeeff 0011223344554677",
    "1d887ce0f8672e4914d9000e801cd74ecd805dd9366c0bc42dc16adc0197dc2f",
    "00000001 00000003 6c730d",
  ]
    .join("")
    .replaceAll(" ", ""),
  "hex",
);
const INPUT = {
  messageType: MESSAGE_TYPE.inputStreamData,
  schemaVersion: 1,
  createdDate: 1_700_000_000_000,
  sequenceNumber: 5,
  flags: 0,
  messageId: ID,
  payloadType: PAYLOAD_TYPE.output,
  payload: Buffer.from("ls\r"),
};

describe("encodeMessage", () => {
  it("writes what plugin and agent write", () => {
    expect(encodeMessage(INPUT).toString("hex")).toBe(INPUT_VECTOR.toString("hex"));
  });

  it("refuses a message id that is not a UUID", () => {
    expect(() => encodeMessage({ ...INPUT, messageId: "1" })).toThrow(RangeError);
  });
});

describe("decodeMessage", () => {
  it("reads what plugin and agent write", () => {
    expect(decodeMessage(INPUT_VECTOR)).toEqual(INPUT);
  });

  it("reads every message that was written", () => {
    const message = fc.record({
      messageType: fc.constantFrom(...Object.values(MESSAGE_TYPE)),
      schemaVersion: fc.nat(),
      createdDate: fc.maxSafeNat(),
      sequenceNumber: fc.maxSafeNat(),
      flags: fc.nat(3),
      messageId: fc.uuid(),
      payloadType: fc.nat(12),
      payload: fc.uint8Array({ maxLength: 2048 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(message, (it) => {
        expect(decodeMessage(encodeMessage(it))).toEqual(it);
      }),
    );
  });

  it("reads a type that is padded with NUL", () => {
    const frame = Buffer.from(INPUT_VECTOR);
    frame.fill(0, 4 + INPUT.messageType.length, 36);
    expect(decodeMessage(frame).messageType).toBe(INPUT.messageType);
  });

  it("accepts a frame that ends with its header", () => {
    expect(decodeMessage(encodeMessage({ ...INPUT, payload: Buffer.alloc(0) })).payload).toHaveLength(0);
  });

  it("reads only the type of a publication message", () => {
    const frame = Buffer.alloc(120, 0xff);
    frame.writeUInt32BE(116, 0);
    frame.write(MESSAGE_TYPE.pausePublication.padEnd(32), 4, "latin1");
    expect(decodeMessage(frame).messageType).toBe(MESSAGE_TYPE.pausePublication);
  });

  it.each<[string, (frame: Buffer) => Buffer]>([
    ["is cut inside its header", (frame) => frame.subarray(0, 119)],
    ["is empty", (frame) => frame.subarray(0, 0)],
    ["has lost its last byte", (frame) => frame.subarray(0, -1)],
    ["has another header length", (frame) => with32(frame, 0, 0x7fffffff)],
    ["has a changed payload", (frame) => with32(frame, 119, 0x616161)],
    ["has a negative sequence number", (frame) => with32(frame, 48, 0xffffffff)],
  ])("refuses a frame that %s", (_what, damage) => {
    expect(() => decodeMessage(damage(Buffer.from(INPUT_VECTOR)))).toThrow(MalformedFrame);
  });

  it("returns a message or throws MalformedFrame for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          decodeMessage(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedFrame);
        }
      }),
    );
  });
});

describe("acknowledgement", () => {
  const output = { messageType: MESSAGE_TYPE.outputStreamData, messageId: ID, sequenceNumber: 0 };

  it("is written as the agent expects it", () => {
    const message = decodeMessage(encodeAcknowledgement(output));
    expect(message).toMatchObject({
      messageType: "acknowledge",
      sequenceNumber: 0,
      flags: 3,
      payloadType: 0,
    });
    expect(message.payload).toHaveLength(0xb0);
    expect(Buffer.from(message.payload).toString()).toBe(
      `{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"${ID}","AcknowledgedMessageSequenceNumber":0,"IsSequentialMessage":true}`,
    );
  });

  it("is read back", () => {
    expect(decodeAcknowledgement(decodeMessage(encodeAcknowledgement(output)).payload)).toEqual(output);
  });

  it.each(["", "{", "[]", "null", "{}", '{"AcknowledgedMessageSequenceNumber":-1}'])("refuses %j", (text) => {
    expect(() => decodeAcknowledgement(Buffer.from(text))).toThrow(MalformedFrame);
  });
});

function with32(frame: Buffer, offset: number, value: number): Buffer {
  frame.writeUInt32BE(value, offset);
  return frame;
}
