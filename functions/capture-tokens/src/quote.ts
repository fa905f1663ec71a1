import { redact } from "@dbward-aws/core";

/** Characters that are looked at of a text of any length. */
const MAX_READ = 4_096;

/**
 * Hex digits in pairs, as a token without its prefix has them, or as percent-encoding, `\x` and separators leave them: 8 bytes and more.
 */
const HEX = /(?:(?:%|\\x|0x)?[0-9a-f]{2}[\s,:;_-]{0,2}){7,}(?:%|\\x|0x)?[0-9a-f]{2}/gi;
/** Text without a break, long enough for a token in base64 or base32. */
const UNBROKEN = /[a-z0-9+/=]{24,}/gi;

/**
 * A text that came out of a container or a server, fit for an error: printable ASCII, without anything that is or may be a token, also
 * one in hex, percent-encoded, in base64 or without its prefix.
 *
 * @param maxLength characters of the result
 */
export function quote(text: string, maxLength: number): string {
  const printable = text.slice(0, MAX_READ).replace(/[^\x20-\x7e]+/g, " ");
  return redact(printable)
    .replace(HEX, "[redacted]")
    .replace(UNBROKEN, "[redacted]")
    .trim()
    .slice(0, maxLength);
}
