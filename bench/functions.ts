import {
  bundle,
  bundleByDefault,
  bundleEmpty,
  bytesAtStart,
  bytesInAll,
  FUNCTION_NAMES,
} from "./lib/bundles.ts";
import type { Figure, Result, Size } from "./lib/figure.ts";
import { runBundle } from "./lib/run-bundle.ts";
import { inRounds, median, medianRatio } from "./lib/statistics.ts";

/** Bytes that a function may have. */
const MAX_BYTES = 340_000;
/** Of an empty handler's load time. */
const MAX_LOAD_RATIO = 1.1;

/**
 * Size and load time of both functions' bundles, against an empty handler with the same clients that is bundled the same way, and
 * against CDK's default bundling.
 */
export async function measureFunctions(size: Size): Promise<Result> {
  const figures: Figure[] = [];
  for (const name of FUNCTION_NAMES) {
    const [own, empty, byDefault] = [bundle(name), bundleEmpty(name), await bundleByDefault(name)];
    const loads = await inRounds(size === "quick" ? 1 : 61, {
      own: async () => (await runBundle(own)).loadMs,
      empty: async () => (await runBundle(empty)).loadMs,
      byDefault: async () => (await runBundle(byDefault)).loadMs,
    });
    const { plain, zipped } = bytesInAll(own);
    figures.push(
      { name: `${name}: code read at a start`, value: bytesAtStart(own), unit: "bytes", goal: MAX_BYTES },
      { name: `${name}: code in all`, value: plain, unit: "bytes", goal: MAX_BYTES },
      { name: `${name}: code in all, zipped`, value: zipped, unit: "bytes" },
      { name: `${name}: code of an empty handler`, value: bytesAtStart(empty), unit: "bytes" },
      { name: `${name}: code as CDK bundles by default`, value: bytesAtStart(byDefault), unit: "bytes" },
      { name: `${name}: load`, value: median(loads.own), unit: "ms" },
      { name: `${name}: load of an empty handler`, value: median(loads.empty), unit: "ms" },
      { name: `${name}: load as CDK bundles by default`, value: median(loads.byDefault), unit: "ms" },
      {
        name: `${name}: load / empty handler's`,
        value: medianRatio(loads.own, loads.empty),
        unit: "",
        goal: MAX_LOAD_RATIO,
      },
      {
        name: `${name}: load / as CDK bundles by default`,
        value: medianRatio(loads.own, loads.byDefault),
        unit: "",
      },
    );
  }
  return { benchmark: "Functions", figures, remarks: [] };
}
