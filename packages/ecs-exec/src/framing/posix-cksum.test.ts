import { describe, expect, it } from "vitest";
import { PosixCksum } from "./posix-cksum.ts";

describe("PosixCksum", () => {
  // What cksum of coreutils prints.
  it.each([
    ["", 4_294_967_295],
    ["123456789", 930_766_865],
    ["a".repeat(1000), 145_108_180],
  ])("of %j", (text, expected) => {
    const cksum = new PosixCksum();
    cksum.update(Buffer.from(text));
    expect(cksum.value).toBe(expected);
  });
});
