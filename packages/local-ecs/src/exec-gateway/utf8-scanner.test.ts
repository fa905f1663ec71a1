import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Utf8Scanner } from "./utf8-scanner.ts";

function scan(...reads: Uint8Array[]): Buffer {
  const scanner = new Utf8Scanner();
  return Buffer.concat(reads.map((read) => scanner.push(read)));
}

describe("Utf8Scanner", () => {
  it("passes valid text whole, wherever it is cut, and never sends half a character", () => {
    const text = fc.string({ unit: "grapheme" }).filter((it) => !it.includes("\ufffd"));
    fc.assert(
      fc.property(text, fc.nat(), (value, cut) => {
        const bytes = Buffer.from(value);
        const at = bytes.length === 0 ? 0 : cut % bytes.length;
        const scanner = new Utf8Scanner();
        const sent = [scanner.push(bytes.subarray(0, at)), scanner.push(bytes.subarray(at))];
        expect(sent.map((part) => part.toString()).join("")).toBe(value);
      }),
    );
  });

  it("passes an invalid byte that is not near the end", () => {
    const bytes = Buffer.from([0xff, 0x61, 0x62, 0x63, 0x64]);
    expect(scan(bytes)).toEqual(bytes);
  });

  it("loses an invalid byte near the end, and all that follows it", () => {
    expect(scan(Buffer.from([0x61, 0xff, 0x62, 0x63])).toString()).toBe("a");
  });

  it("loses the last three of all 256 bytes", () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    expect(scan(bytes)).toEqual(bytes.subarray(0, 253));
  });

  it("cuts a literal U+FFFD to its first byte", () => {
    expect(scan(Buffer.from("a\ufffdbcd"))).toEqual(Buffer.from([0x61, 0xef, 0x62, 0x63, 0x64]));
  });
});
