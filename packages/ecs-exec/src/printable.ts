/** Characters of somebody else's text that go into an error. */
const MAX_LENGTH = 500;

/** Text that the agent or a terminal sent, fit for an error's message: one line, no control characters, not too long. */
export function printable(text: string): string {
  return text
    .replace(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, MAX_LENGTH);
}
