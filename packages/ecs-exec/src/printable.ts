/** Characters of foreign text in an error's message, at most. */
const MAX_LENGTH = 500;

/**
 * Text of the agent or a terminal, made fit for an error's message: one short line without control
 * characters.
 */
export function printable(text: string): string {
  return text
    .replace(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, MAX_LENGTH);
}
