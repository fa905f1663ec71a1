import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage, MESSAGE_TYPE } from "../protocol/index.ts";
import { ReorderBuffer } from "./reorder-buffer.ts";

const message = (sequenceNumber: number, length = 1) =>
  decodeMessage(
    encodeMessage({
      messageType: MESSAGE_TYPE.outputStreamData,
      sequenceNumber,
      payload: Buffer.alloc(length, "x"),
    }),
  );

describe("ReorderBuffer", () => {
  it("delivers messages in order, each of them once", () => {
    const buffer = new ReorderBuffer();
    const arrivals = [2, 1, 1, 0, 0].map((sequenceNumber) => buffer.add(message(sequenceNumber)));
    expect(arrivals).toEqual(["early", "early", "duplicate", "next", "duplicate"]);
    const order = [buffer.shift(), buffer.shift(), buffer.shift(), buffer.shift()];
    expect(order.map((one) => one?.sequenceNumber)).toEqual([0, 1, 2, undefined]);
    expect(buffer.add(message(1))).toBe("duplicate");
  });

  it("drops what is too far ahead", () => {
    const buffer = new ReorderBuffer({ messages: 3, bytes: 1000 });
    expect([3, 4, Number.MAX_SAFE_INTEGER].map((at) => buffer.add(message(at)))).toEqual([
      "early",
      "dropped",
      "dropped",
    ]);
  });

  it("drops what is too large to wait, and never the message that is next", () => {
    const buffer = new ReorderBuffer({ messages: 100, bytes: 1000 });
    expect([1, 2, 3].map((at) => buffer.add(message(at, 600)))).toEqual(["early", "dropped", "dropped"]);
    expect(buffer.add(message(0, 2000))).toBe("next");
  });
});
