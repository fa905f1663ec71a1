import { expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../../../local-account/src/test-support/temporary-directory.ts";
import { HealthCheck, type HealthStatus, healthCheckWords } from "./health-check.ts";
import type { HealthCheckDefinition } from "./task-definition.ts";

/** Runs a check until it has reported `count` statuses. */
function statuses(
  script: string,
  definition: Partial<HealthCheckDefinition>,
  count: number,
  directory: string,
) {
  const reported: HealthStatus[] = [];
  return new Promise<HealthStatus[]>((resolve) => {
    const check = new HealthCheck({
      definition: { command: [], ...definition },
      words: ["sh", "-c", script],
      environment: { PATH: process.env.PATH! },
      directory,
      onStatus: (status) => {
        reported.push(status);
        if (reported.length === count) resolve(reported);
      },
    });
    onTestFinished(() => check.close());
  });
}

it("is unhealthy after as many failures in a row, and healthy again after one success", async () => {
  const directory = temporaryDirectory();
  const script = "echo x >> tries; test $(wc -l < tries) -ne 1 && test $(wc -l < tries) -ne 2";
  expect(await statuses(script, { interval: 0.01, retries: 2 }, 2, directory)).toEqual([
    "UNHEALTHY",
    "HEALTHY",
  ]);
});

it("does not count failures while the container starts", async () => {
  const directory = temporaryDirectory();
  const script = "if [ -f again ]; then exit 0; fi; touch again; exit 1";
  expect(await statuses(script, { interval: 60, retries: 1, startPeriod: 60 }, 1, directory)).toEqual([
    "HEALTHY",
  ]);
});

it("takes a check that hangs for a failure", async () => {
  const directory = temporaryDirectory();
  expect(await statuses("sleep 600", { timeout: 0.05, retries: 1 }, 1, directory)).toEqual(["UNHEALTHY"]);
});

it.each([
  [
    ["CMD-SHELL", "curl -sf http://x || exit 1"],
    ["/bin/sh", "-c", "curl -sf http://x || exit 1"],
  ],
  [
    ["CMD", "test", "-f", "/x"],
    ["test", "-f", "/x"],
  ],
  [
    ["test", "-f", "/x"],
    ["test", "-f", "/x"],
  ],
])("%j", (command, words) => {
  expect(healthCheckWords(command)).toEqual(words);
});
