import { type AgentMessage, decodeMessage, encodeMessage, MESSAGE_TYPE } from "@dbward-aws/ecs-exec/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Incoming } from "./incoming.ts";

function message(sequenceNumber: number): AgentMessage {
  const payload = Buffer.from(String(sequenceNumber));
  return decodeMessage(encodeMessage({ messageType: MESSAGE_TYPE.inputStreamData, sequenceNumber, payload }));
}

describe("Incoming", () => {
  it("hands out every message once and in order, whatever order they come in", () => {
    const order = fc
      .array(fc.nat(20), { minLength: 1 })
      .map((numbers) => [...numbers, ...Array.from({ length: 21 }, (_, index) => index)]);
    fc.assert(
      fc.property(order, (numbers) => {
        const incoming = new Incoming();
        const received = numbers.map((number) => incoming.receive(message(number)));
        expect(received.every(({ acknowledge }) => acknowledge)).toBe(true);
        expect(received.flatMap(({ ready }) => ready.map((it) => it.sequenceNumber))).toEqual(
          Array.from({ length: 21 }, (_, index) => index),
        );
      }),
    );
  });

  it("refuses a message whose turn it is while it can't be processed, and keeps later ones", () => {
    const incoming = new Incoming();
    expect(incoming.receive(message(0), false)).toEqual({ acknowledge: false, ready: [] });
    expect(incoming.receive(message(1), false)).toEqual({ acknowledge: true, ready: [] });
    expect(incoming.receive(message(0)).ready.map(({ sequenceNumber }) => sequenceNumber)).toEqual([0, 1]);
  });

  it("acknowledges nothing that it has no room for", () => {
    const incoming = new Incoming();
    const early = message(1);
    for (let sequenceNumber = 1; sequenceNumber <= 100_000; sequenceNumber++)
      incoming.receive({ ...early, sequenceNumber });
    expect(incoming.receive(message(100_001))).toEqual({ acknowledge: false, ready: [] });
  });
});
