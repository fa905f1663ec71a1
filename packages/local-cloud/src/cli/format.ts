import { styleText } from "node:util";

/** A duration for people: `340 ms`, `4.2 s`, `3 m 12 s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} m ${Math.round(seconds % 60)} s`;
}

/** Colours for a terminal that shows them. */
export const paint = {
  good: (text: string) => colour("green", text),
  bad: (text: string) => colour("red", text),
  dim: (text: string) => colour("gray", text),
  strong: (text: string) => colour("bold", text),
};

function colour(format: Parameters<typeof styleText>[0], text: string): string {
  const wanted = process.stdout.isTTY && process.env.NO_COLOR === undefined && process.env.TERM !== "dumb";
  return wanted ? styleText(format, text) : text;
}
