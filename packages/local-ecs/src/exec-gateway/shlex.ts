/**
 * Splits a command line into words as the Session Manager agent does inside a container (google/shlex). No
 * shell is involved: nothing is expanded, `;` and `|` are ordinary characters.
 *
 * Single quotes keep everything; in double quotes and outside of them a backslash keeps the next character;
 * `#` at the start of a word begins a comment that goes to the end of the line.
 *
 * @throws UnbalancedCommand when a quote or an escape is left open
 */
export function splitCommand(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  const characters = Array.from(line);
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (BLANK.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "#" && word === undefined) {
      const end = characters.indexOf("\n", at);
      at = end === -1 ? characters.length : end;
    } else if (character === "\\") {
      word = (word ?? "") + escaped(characters, ++at);
    } else if (character === "'" || character === '"') {
      const quoted = readQuoted(characters, at);
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** A quote or an escape in a command line is left open; the message is the agent's own. */
export class UnbalancedCommand extends Error {
  override readonly name = "UnbalancedCommand";
}

const BLANK = /[ \t\r\n]/;

/** @param start index of the opening quote */
function readQuoted(characters: readonly string[], start: number): { text: string; end: number } {
  const quote = characters[start];
  let text = "";
  for (let at = start + 1; at < characters.length; at++) {
    const character = characters[at]!;
    if (character === quote) return { text, end: at };
    text += character === "\\" && quote === '"' ? escaped(characters, ++at) : character;
  }
  throw new UnbalancedCommand("EOF found when expecting closing quote");
}

function escaped(characters: readonly string[], at: number): string {
  const character = characters[at];
  if (character === undefined) throw new UnbalancedCommand("EOF found after escape character");
  return character;
}
