import type { Span } from "../variables/source-map.ts";
import type { Path } from "./path.ts";
import type { Report } from "./report.ts";

/** Something that may be there only once. */
export interface Unique {
  /** Two with the same key are the same. */
  readonly key: string;
  readonly at: Span;
  readonly path: Path;
}

/**
 * Reports each that was there before.
 *
 * @param relation what is between the two places in the message
 */
export function refuseTwice(
  things: Iterable<Unique>,
  rule: string,
  report: Report,
  relation = "is the same as",
): void {
  const seen = new Map<string, Path>();
  for (const { key, at, path } of things) {
    const first = seen.get(key);
    if (!first) seen.set(key, path);
    else report.add(at, path, rule, `${report.render(path)} ${relation} ${report.render(first)}.`);
  }
}
