import { describe, expect, it } from "vitest";
import { quote } from "./quote.ts";

const HEX = "0123456789abcdef".repeat(2);
const TOKEN = `dbw_${HEX}`;
const bytes = Buffer.from(TOKEN);
const each = (write: (byte: string) => string, separator = "") =>
  [...bytes].map((byte) => write(byte.toString(16).padStart(2, "0"))).join(separator);

describe("quote", () => {
  it.each([
    ["as it is", TOKEN],
    ["without its prefix", HEX],
    ["in capitals", TOKEN.toUpperCase()],
    ["in hex", bytes.toString("hex")],
    ["in hex with spaces", each((byte) => byte, " ")],
    ["in hex with colons", each((byte) => byte, ":")],
    ["percent-encoded", each((byte) => `%${byte}`)],
    ["percent-encoded in capitals", each((byte) => `%${byte.toUpperCase()}`)],
    ["with \\x before each byte", each((byte) => `\\x${byte}`)],
    ["as numbers in hex", each((byte) => `0x${byte}`, ", ")],
    ["in base64", bytes.toString("base64")],
    ["in base64 without its prefix", Buffer.from(HEX).toString("base64")],
    ["with control characters in it", TOKEN.replace("8", "\u0000 8\u001b")],
  ])("hides a token %s", (_how, disguise) => {
    const shown = quote(`validation: ${disguise} is taken`, 200);
    expect(shown).toMatch(/^validation: /);
    expect(shown).toContain("[redacted]");
    const digits = shown.replaceAll("[redacted]", "").replace(/[^0-9a-f]/gi, "");
    expect(digits.length).toBeLessThan(20);
    expect(shown).not.toMatch(/[0-9a-f]{8}/i);
  });

  it("keeps what a person must read", () => {
    const text =
      "validation: subject 'agent-with-quite-a-long-name-29' resolves to no roles; 2026-01-01 00:00:00, " +
      "exit code 137";
    expect(quote(text, 200)).toBe(text);
  });

  it("is printable and not longer than allowed, whatever the text is", () => {
    expect(quote("a\u001b[31m\u202eb\r\nc\u0007é", 200)).toBe("a [31m b c");
    const began = performance.now();
    for (const nasty of ["\\", "a://b:", "%4", "0x", "ab:", "f", "dbw_", '{"', "é"])
      expect(quote(nasty.repeat(1_000_000 / nasty.length), 200).length).toBeLessThanOrEqual(200);
    expect(performance.now() - began).toBeLessThan(60_000);
  });
});
