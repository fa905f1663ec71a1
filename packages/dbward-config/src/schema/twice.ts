import type { Span } from "../variables/source-map.ts";
import type { Path } from "./path.ts";
import type { Report } from "./report.ts";

/** Something that must be unique. */
export interface Unique {
  /** Equal keys mean the same thing. */
  readonly key: string;
  readonly at: Span;
  readonly path: Path;
}

/**
 * Reports everything that occurs a second time.
 *
 * @param relation text between the two places in the message
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
