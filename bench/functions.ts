import {
  bundle,
  bundleByDefault,
  bundleEmpty,
  bytesAtStart,
  bytesInAll,
  FUNCTION_NAMES,
} from "./lib/bundles.ts";
import { type Figure, figure, medianFigure, type Result, ratioFigure, type Size } from "./lib/figure.ts";
import { runBundle } from "./lib/run-bundle.ts";
import { inRounds } from "./lib/statistics.ts";

/**
 * Bytes of code that a function may read at a start. Code that is loaded on demand costs a start nothing.
 * `apply-config` has one client more than the others.
 */
const SIZE = {
  "apply-config": { atMost: 350_000 },
  "capture-tokens": { atMost: 340_000 },
  "check-tokens": { atMost: 340_000 },
  "poll-agents": { atMost: 340_000 },
};
/** Of an empty handler's load time. */
const LOAD = {
  "apply-config": { atMost: 1.1 },
  "capture-tokens": { atMost: 1.05 },
  "check-tokens": { atMost: 1.1 },
  "poll-agents": { atMost: 1.1 },
};

/**
 * Size and load time of each function's bundle, compared to handlers with the same clients that are bundled
 * in the same way and to CDK's default bundling.
 */
export async function measureFunctions(size: Size): Promise<Result> {
  const figures: Figure[] = [];
  for (const name of FUNCTION_NAMES) {
    const entries = {
      own: bundle(name),
      empty: bundleEmpty(name, "clients"),
      commands: bundleEmpty(name, "commands"),
      byDefault: await bundleByDefault(name),
    };
    const load = (entry: string) => async () => (await runBundle(entry)).loadMs;
    const loads = await inRounds(size === "quick" ? 1 : 61, {
      own: load(entries.own),
      empty: load(entries.empty),
      commands: load(entries.commands),
      byDefault: load(entries.byDefault),
    });
    const { plain, zipped } = bytesInAll(entries.own);
    const bytes = (what: string, value: number) => figure(`${name}: ${what}`, value, "bytes");
    figures.push(
      { ...bytes("code that is read at a start", bytesAtStart(entries.own)), goal: SIZE[name] },
      bytes("all code", plain),
      bytes("all code, zipped", zipped),
      bytes("code of an empty handler", bytesAtStart(entries.empty)),
      bytes("code of a handler with the same calls", bytesAtStart(entries.commands)),
      bytes("code as CDK bundles by default", bytesAtStart(entries.byDefault)),
      medianFigure(`${name}: load`, loads.own, "ms"),
      medianFigure(`${name}: load of an empty handler`, loads.empty, "ms"),
      ratioFigure(`${name}: load / empty handler`, loads.own, loads.empty, LOAD[name]),
      ratioFigure(`${name}: load / handler with the same calls`, loads.own, loads.commands),
      ratioFigure(`${name}: load / as CDK bundles by default`, loads.own, loads.byDefault),
    );
  }
  return { benchmark: "functions", figures, remarks: [] };
}
