/**
 *     pnpm bench [capture] [session] [functions] [poller] [--quick] [--json]
 *
 * Measures all of it, or what is named. README.md says what the figures mean.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { measureCapture } from "./capture.ts";
import { measureFunctions } from "./functions.ts";
import { type Result, type Size, toMarkdown } from "./lib/figure.ts";
import { measurePoller } from "./poller.ts";
import { measureSession } from "./session.ts";

const BENCHMARKS: Readonly<Record<string, (size: Size) => Promise<Result>>> = {
  capture: measureCapture,
  session: measureSession,
  functions: measureFunctions,
  poller: measurePoller,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
});
const unknown = positionals.filter((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown.length > 0) {
  console.error(
    `There is no benchmark ${unknown.join(", ")}. Name some of: ${Object.keys(BENCHMARKS).join(", ")}.`,
  );
  process.exit(2);
}
// One after the other: each needs the machine for itself.
for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHMARKS)) {
  const result = await BENCHMARKS[name]!(values.quick ? "quick" : "full");
  console.log(values.json ? JSON.stringify(result) : toMarkdown(result));
}
