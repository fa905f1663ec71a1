import { distance } from "fastest-levenshtein";

/** `, did you mean "image"?` when one of `known` is close to `text`; otherwise an empty string. */
export function suggest(text: string, known: readonly string[]): string {
  const [best] = known
    .map((name) => ({ name, edits: distance(text.toLowerCase(), name.toLowerCase()) }))
    // Two letters in the wrong order are two edits, which is too many for a short name.
    .filter(
      ({ name, edits }) => edits <= Math.max(1, name.length / 3) || (edits === 2 && sameLetters(name, text)),
    )
    .sort((a, b) => a.edits - b.edits);
  return best ? `, did you mean "${best.name}"?` : "";
}

function sameLetters(a: string, b: string): boolean {
  const sorted = (text: string) => [...text.toLowerCase()].sort().join("");
  return sorted(a) === sorted(b);
}
