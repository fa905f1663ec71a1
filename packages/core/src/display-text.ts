import { redact } from "./redact.ts";

/** Control characters except tab and line feed, and the characters that change the direction of a line. */
const UNSAFE = /(?![\t\n])[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/gu;

/**
 * `text` with an escape (`\x1b`, `\u202e`) for each character that could move the cursor, set the title, fill the
 * clipboard or change the direction of a line. A carriage return before a line feed is removed.
 */
export function escapeControls(text: string): string {
  return text.replace(/\r+\n/g, "\n").replace(UNSAFE, escapeCharacter);
}

/**
 * Text of a container, a server or AWS, as it may be shown on a terminal or a page: {@link redact}ed, {@link
 * escapeControls}.
 */
export function displayText(text: string): string {
  return escapeControls(redact(text));
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}
