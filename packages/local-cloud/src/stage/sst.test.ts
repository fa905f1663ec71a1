import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Deadline } from "@dbward-aws/core";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../../../local-account/src/test-support/temporary-directory.ts";
import { runSst, type SstRun } from "./sst.ts";

function sstThat(source: string, more: Partial<SstRun> = {}): SstRun {
  const view = temporaryDirectory();
  const sst = join(view, "sst.mjs");
  writeFileSync(sst, source);
  return {
    verb: "deploy",
    stage: "local",
    sst,
    view,
    env: { AWS_ENDPOINT_URL: "http://127.0.0.1:4566", AWS_SECRET_ACCESS_KEY: "hidden" },
    log: join(view, "sst.log"),
    deadline: Deadline.after(100_000),
    failureReasons: async () => [],
    ...more,
  };
}

it("deploys the stage", async () => {
  const lines: string[] = [];
  await runSst(
    sstThat("console.log(process.argv.slice(2).join(' '))", { onLine: (line) => lines.push(line) }),
  );
  expect(lines).toEqual(["deploy --stage local"]);
});

it("looks at the stacks more often than once a second, and changes no other wait", async () => {
  // What the timer is set to, whatever else the machine has to do.
  const look = "console.log(setTimeout(() => {}, 1000)._idleTimeout);";
  const waits = async (...place: string[]) => {
    const folder = join(temporaryDirectory(), ...place.slice(0, -1));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const sst = join(folder, place.at(-1)!);
    writeFileSync(sst, look);
    const lines: string[] = [];
    await runSst(sstThat("", { sst, onLine: (line) => lines.push(line) }));
    return Number(lines[0]);
  };
  expect(await waits("node_modules", "sst", "stacks", "monitor.js")).toBeLessThan(1000);
  expect(await waits("node_modules", "sst", "stacks", "metadata.js")).toBe(1000);
});

it("ends sst when it waits for a host that doesn't resolve, and names the endpoints", async () => {
  const run = sstThat("setInterval(() => console.log('Waiting for internet connection...'), 5)");
  await expect(runSst(run)).rejects.toMatchObject({
    code: "endpoint-unresolved",
    message: expect.stringContaining("AWS_ENDPOINT_URL=http://127.0.0.1:4566"),
  });
  await expect(runSst(run)).rejects.not.toThrow("hidden");
});

it("names the resource that failed and the reason", async () => {
  const run = sstThat("process.exitCode = 1", {
    failureReasons: async () => ["local-dbward-Server: AWS::ECS::Service Service: no capacity"],
  });
  await expect(runSst(run)).rejects.toMatchObject({
    code: "local-deploy-failed",
    message: expect.stringContaining("no capacity"),
  });
});

it("shows what sst printed last when CloudFormation knows no reason", async () => {
  const run = sstThat("console.log('Cannot find module x'); process.exitCode = 1", { verb: "remove" });
  await expect(runSst(run)).rejects.toMatchObject({
    code: "local-remove-failed",
    message: expect.stringContaining("Cannot find module x"),
  });
});

it("says so when it took too long", async () => {
  const ending = new AbortController();
  const run = sstThat("console.log('Deploying'); setInterval(() => {}, 1000)", {
    deadline: Deadline.after(100_000, ending.signal),
    onLine: () => ending.abort(),
  });
  await expect(runSst(run)).rejects.toThrow("it took too long");
});
