import { redact } from "@dbward-aws/core";

/** Characters that are read of a text of any length. */
const MAX_READ = 4_096;

/**
 * Eight or more pairs of hex digits, as in a token without its prefix, also with percent-encoding, `\x` or
 * separators.
 */
const HEX = /(?:(?:%|\\x|0x)?[0-9a-f]{2}[\s,:;_-]{0,2}){7,}(?:%|\\x|0x)?[0-9a-f]{2}/gi;
/** A text without spaces that is long enough for a token in base64 or base32. */
const UNBROKEN = /[a-z0-9+/=]{24,}/gi;

/**
 * A text of a container or a server as an error may quote it: printable ASCII, without anything that may be a
 * token, also in hex, in base64, percent-encoded or without its prefix.
 *
 * @param maxLength most characters of the result
 */
export function quote(text: string, maxLength: number): string {
  const printable = text.slice(0, MAX_READ).replace(/[^\x20-\x7e]+/g, " ");
  return redact(printable)
    .replace(HEX, "[redacted]")
    .replace(UNBROKEN, "[redacted]")
    .trim()
    .slice(0, maxLength);
}
