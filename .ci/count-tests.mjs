// Adds up the JSON reports that every package's tests left (turbo brings them back from its cache as well) and
// prints the sum as the last line. A package with a test script and no report did not run: that is a failure.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const parents = ["packages", "functions"];
const folders = [
  "infra",
  "e2e",
  "bench",
  ...parents.flatMap((parent) => readdirSync(parent).map((name) => join(parent, name))),
].filter((folder) => existsSync(join(folder, "package.json")));

let passed = 0;
let failed = 0;
for (const folder of folders) {
  const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (!scripts?.test) continue;
  const path = join(folder, ".reports", "vitest.json");
  if (!existsSync(path)) {
    console.log(`${folder}: no test report`);
    failed += 1;
    continue;
  }
  const report = JSON.parse(readFileSync(path, "utf8"));
  const skipped = report.numPendingTests + report.numTodoTests;
  // A file that can't be loaded fails as a suite and counts no test.
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.length === 0,
  );
  for (const file of broken) console.log(`${folder}: ${file.name} could not be run`);
  if (skipped > 0) console.log(`${folder}: ${skipped} skipped`);
  passed += report.numPassedTests;
  failed += report.numFailedTests + broken.length + (process.env.CI ? skipped : 0);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
