// Loads a function's bundle and calls its handler, in turn with the handler of a reference when there is one.
// Prints the times as JSON. Arguments: URL of the bundle, number of calls, milliseconds from one to the next, URL of the
// reference.
import { setTimeout as delay } from "node:timers/promises";

const [bundle, calls, intervalMs, reference] = process.argv.slice(2);
const start = performance.now();
const { handler } = await import(bundle);
const loadMs = performance.now() - start;
const compared = reference && (await import(reference)).handler;

async function time(call) {
  const at = performance.now();
  await call({}, { getRemainingTimeInMillis: () => 30_000 });
  return performance.now() - at;
}

const [durations, references] = [[], []];
for (let call = 0; call < Number(calls); call++) {
  durations.push(await time(handler));
  if (compared) references.push(await time(compared));
  const rest = Number(intervalMs) - durations.at(-1);
  if (rest > 0) await delay(rest);
}
const maxRssMB = process.resourceUsage().maxRSS / 1024;
process.stderr.write(JSON.stringify({ loadMs, durations, references, maxRssMB }));
