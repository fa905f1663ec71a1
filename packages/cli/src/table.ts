import Table from "cli-table3";

const NO_LINES = Object.fromEntries(
  ["top", "bottom", "mid", "left", "right"].flatMap((side) =>
    ["", "-left", "-right", "-mid"].map((corner) => [`${side}${corner}`, ""]),
  ),
);

/** Lines of a table without rules: each column as wide as its longest cell, two spaces between columns. */
export function table(rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const drawn = new Table({
    chars: { ...NO_LINES, middle: "  " },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  drawn.push(...rows.map((row) => [...row]));
  return drawn
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}
