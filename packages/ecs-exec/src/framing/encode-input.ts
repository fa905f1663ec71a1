import { hash } from "node:crypto";
import { InputTooLarge } from "./errors.ts";
import { PosixCksum } from "./posix-cksum.ts";

/**
 * Largest standard input, in bytes: the container's shell holds it in a variable and reads it byte by byte.
 */
export const MAX_STDIN = 1024 * 1024;

/**
 * Characters a line: a terminal takes lines of up to 4095. A multiple of 4 and of 5, so that no code is
 * split.
 */
const LINE_LENGTH = 1000;

/** Tools by which the container encodes output, and decodes input. */
export const ENCODERS = ["base64", "od"] as const;
export type Encoder = (typeof ENCODERS)[number];

/** @throws InputTooLarge */
export function checkInput(stdin: Uint8Array): void {
  if (stdin.length > MAX_STDIN)
    throw new InputTooLarge(
      `its standard input has ${stdin.length} bytes, at most ${MAX_STDIN} are possible`,
    );
}

/**
 * Standard input as lines that the framed command line reads: base64, or octal escapes for the shell's
 * `printf` where the container has no base64; then a line with a full stop, what `cksum` prints of the input,
 * and its SHA-256. The agent doesn't check the digests of what it receives, so that these alone show what was
 * altered on the way.
 */
export function encodeInput(stdin: Uint8Array, encoder: Encoder): Buffer {
  const text =
    encoder === "base64"
      ? Buffer.from(stdin).toString("base64")
      : Array.from(stdin, (byte) => `\\0${byte.toString(8).padStart(3, "0")}`).join("");
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += LINE_LENGTH) lines.push(text.slice(at, at + LINE_LENGTH));
  const cksum = new PosixCksum();
  cksum.update(stdin);
  const checksums = `${cksum.value} ${cksum.length} ${hash("sha256", stdin)}`;
  return Buffer.from(`${[...lines, `.${checksums}`].join("\n")}\n`);
}
