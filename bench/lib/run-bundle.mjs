// Loads a function bundle in a process of its own and calls its handler; prints what that took as one line of JSON.
// Arguments: path of the bundle, number of calls.
const [bundle, calls] = process.argv.slice(2);
const start = performance.now();
const { handler } = await import(bundle);
const loadMs = performance.now() - start;
const durations = [];
for (let call = 0; call < Number(calls); call++) {
  const at = performance.now();
  await handler({}, { getRemainingTimeInMillis: () => 30_000 });
  durations.push(performance.now() - at);
}
const maxRssMB = process.resourceUsage().maxRSS / 1024;
process.stderr.write(JSON.stringify({ loadMs, durations, maxRssMB }));
