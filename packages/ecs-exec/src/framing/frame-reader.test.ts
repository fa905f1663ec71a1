import { describe, expect, it } from "vitest";
import { FrameReader } from "./frame-reader.ts";

const reader = () => new FrameReader("00ff", { ready: () => {}, sync: () => {}, output: () => {} });

describe("FrameReader", () => {
  it("keeps the terminal's output before the first line of the framing, for an error", () => {
    const read = reader();
    read.push(Buffer.from("sh: not found\r\n"));
    expect(read.preamble).toBe("sh: not found");
  });

  it("discards the terminal's output once standard input was sent, which a terminal without stty echoes", () => {
    const read = reader();
    read.push(Buffer.from("hello\r\n@00ff:ready:od\r\n\\0143\\0141\\0156\\0141\\0162\\0171\r\n"));
    expect(read.preamble).toBe("");
    expect(read.hasBegun).toBe(false);
  });
});
