import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, onTestFinished } from "vitest";

/** A folder that goes away with the test that asked for it. */
export function temporaryDirectory(): string {
  const directory = make();
  onTestFinished(() => remove(directory));
  return directory;
}

/** A folder that goes away with the tests of a file. */
export function makeTemporaryDirectory(): string {
  const directory = make();
  afterAll(() => remove(directory));
  return directory;
}

function make(): string {
  return mkdtempSync(join(tmpdir(), "local-cloud-"));
}

function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}
