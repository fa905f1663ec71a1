import { describe, expect, it } from "vitest";
import { MalformedFrame } from "./errors.ts";
import {
  decodeChannelClosed,
  decodeExitCode,
  decodeOpenDataChannel,
  decodeSessionFlag,
  decodeSize,
  encodeChannelClosed,
  encodeExitCode,
  encodeOpenDataChannel,
  encodeSessionFlag,
  encodeSize,
} from "./session.ts";

describe("payloads of a session", () => {
  it("open it with members that are all strings", () => {
    const open = { tokenValue: "t", requestId: "r", clientId: "c", clientVersion: "1.2.650.0" };
    expect(JSON.parse(encodeOpenDataChannel(open))).toEqual({
      MessageSchemaVersion: "1.0",
      RequestId: "r",
      TokenValue: "t",
      ClientId: "c",
      ClientVersion: "1.2.650.0",
    });
    expect(decodeOpenDataChannel(encodeOpenDataChannel(open))).toEqual(open);
  });

  it("carry the terminal's size", () => {
    expect(encodeSize({ cols: 80, rows: 24 }).toString()).toBe('{"cols":80,"rows":24}');
    expect(decodeSize(encodeSize({ cols: 80, rows: 24 }))).toEqual({ cols: 80, rows: 24 });
  });

  it("carry a flag in 4 bytes, big-endian", () => {
    expect(encodeSessionFlag(2).toString("hex")).toBe("00000002");
    expect(decodeSessionFlag(encodeSessionFlag(2))).toBe(2);
  });

  it("carry an exit code as text", () => {
    expect(encodeExitCode(3).toString()).toBe("EXIT_CODE: 3");
    expect(decodeExitCode(Buffer.from("EXIT_CODE: 3\n"))).toBe(3);
  });

  it("close it, with unknown members", () => {
    const closed = { sessionId: "s", output: "o", messageId: "m", createdDate: new Date(0) };
    const more = { ...JSON.parse(encodeChannelClosed(closed).toString()), Weather: "rain" };
    expect(decodeChannelClosed(Buffer.from(JSON.stringify(more)))).toEqual({ sessionId: "s", output: "o" });
  });

  it.each<[string, () => unknown]>([
    ["an opening without a token", () => decodeOpenDataChannel('{"ClientId":"c"}')],
    ["an opening that isn't JSON", () => decodeOpenDataChannel("token=canary")],
    ["a size without rows", () => decodeSize(Buffer.from('{"cols":80}'))],
    ["a negative size", () => decodeSize(Buffer.from('{"cols":80,"rows":-1}'))],
    ["a short flag", () => decodeSessionFlag(Buffer.alloc(3))],
    ["an exit code that is not a number", () => decodeExitCode(Buffer.from("EXIT_CODE: x"))],
    ["an end that is a list", () => decodeChannelClosed(Buffer.from("[]"))],
  ])("are refused when they are %s, without being quoted", (_what, decode) => {
    expect(decode).toThrow(MalformedFrame);
    expect(decode).not.toThrow(/canary/);
  });
});
