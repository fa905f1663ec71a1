/**
 *     pnpm bench [NAME]... [--quick] [--json]
 *
 * Runs all benchmarks, or those that are named. README.md explains the figures.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { measureCapture } from "./capture.ts";
import { measureFunctions } from "./functions.ts";
import { type Result, type Size, toMarkdown } from "./lib/figure.ts";
import { measurePoller } from "./poller.ts";
import { measureScaling } from "./scaling.ts";
import { measureSession } from "./session.ts";
import { measureSynth } from "./synth.ts";
import { measureTunnel } from "./tunnel.ts";

const BENCHMARKS: Readonly<Record<string, (size: Size) => Promise<Result>>> = {
  capture: measureCapture,
  session: measureSession,
  tunnel: measureTunnel,
  functions: measureFunctions,
  poller: measurePoller,
  // What it loads would slow the other ones down.
  load: async (size) => (await import("./load.ts")).measureLoad(size),
  scaling: measureScaling,
  synth: measureSynth,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
});
const unknown = positionals.filter((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown.length > 0) {
  const names = Object.keys(BENCHMARKS).join(", ");
  console.error(`There is no benchmark ${unknown.join(", ")}. The benchmarks are: ${names}.`);
  process.exit(2);
}
const results: Result[] = [];
// One after the other: each needs the machine for itself.
for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHMARKS))
  results.push(await BENCHMARKS[name]!(values.quick ? "quick" : "full"));
console.log(values.json ? results.map((result) => JSON.stringify(result)).join("\n") : toMarkdown(results));
