import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { split } from "../test-support/frames.ts";
import { encodeSmuxFrame, SMUX_COMMAND, SmuxReader } from "./smux.ts";

/** What a reader found, neighbouring pieces of a stream's data put together. */
function readAll(pieces: readonly Uint8Array[]): [string, number, string][] {
  const found: [string, number, string][] = [];
  const reader = new SmuxReader({
    opened: (id) => found.push(["opened", id, ""]),
    data: (id, bytes) => {
      const hex = Buffer.from(bytes).toString("hex");
      const last = found.at(-1);
      if (last?.[0] === "data" && last[1] === id) last[2] += hex;
      else found.push(["data", id, hex]);
    },
    finished: (id) => found.push(["finished", id, ""]),
  });
  for (const piece of pieces) reader.push(piece);
  return found;
}

const id = fc.integer({ min: 0, max: 0xffff_ffff });
const frame = fc.oneof(
  id.map((streamId) => encodeSmuxFrame(SMUX_COMMAND.syn, streamId)),
  id.map((streamId) => encodeSmuxFrame(SMUX_COMMAND.fin, streamId)),
  fc.constant(encodeSmuxFrame(SMUX_COMMAND.nop, 0)),
  id.map((streamId) => encodeSmuxFrame(SMUX_COMMAND.upd, streamId, Buffer.alloc(8))),
  fc
    .tuple(id, fc.uint8Array({ maxLength: 3000, size: "max" }))
    .map(([streamId, bytes]) => encodeSmuxFrame(SMUX_COMMAND.psh, streamId, bytes)),
);

describe("frames of streams", () => {
  it("have eight bytes of header, numbers little-endian", () => {
    expect(encodeSmuxFrame(SMUX_COMMAND.syn, 3).toString("hex")).toBe("0100000003000000");
    expect(encodeSmuxFrame(SMUX_COMMAND.psh, 0x01020304, Buffer.from("ab")).toString("hex")).toBe(
      "01020200040302016162",
    );
  });

  it("are found however their bytes are cut", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 1024 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), sizes, (frames, cuts) => {
        const bytes = Buffer.concat(frames);
        const whole = readAll([bytes]);
        expect(readAll(split(bytes, cuts))).toEqual(whole);
        expect(readAll(split(bytes, [1]))).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ["another version", "0200000000000000", /version is 2/],
    ["an unknown command", "0105000000000000", /command is 5/],
    ["a payload where none belongs", "0101010003000000", /command 1 has 1 bytes/],
  ])("can't be read further after %s", (_what, hex, message) => {
    expect(() => readAll([Buffer.from(hex, "hex")])).toThrow(message);
  });
});
