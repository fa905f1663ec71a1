import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Deadline } from "@dbward-aws/core";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../test-support/temporary-directory.ts";
import { processStart } from "./process-group.ts";
import { runTool, type ToolRun } from "./run-tool.ts";

const CANARY = `dbw_${"c0ffee00".repeat(4)}`;

function script(directory: string, source: string, more: Partial<ToolRun> = {}): ToolRun {
  return {
    command: process.execPath,
    args: ["--eval", source],
    cwd: directory,
    env: { PATH: process.env.PATH ?? "" },
    log: join(directory, "logs", "tool.log"),
    deadline: Deadline.after(100_000),
    ...more,
  };
}

it("hands out the exit code and the last lines, without colours", async () => {
  const directory = temporaryDirectory();
  const end = await runTool(
    script(directory, "console.log('\\x1b[31mred\\x1b[0m'); console.error('bad'); process.exitCode = 3"),
  );
  expect(end.exitCode).toBe(3);
  expect([...end.lastLines].sort()).toEqual(["bad", "red"]);
});

it("writes no token into the log, and hands none on", async () => {
  const directory = temporaryDirectory();
  const lines: string[] = [];
  const run = script(directory, `console.log("token ${CANARY}")`, { onLine: (line) => lines.push(line) });
  const end = await runTool(run);
  expect(readFileSync(run.log, "utf8")).toBe("token dbw_[redacted]\n");
  expect(JSON.stringify([lines, end])).not.toContain(CANARY);
});

it("ends the tool and what it started when the deadline passes", async () => {
  const directory = temporaryDirectory();
  const ending = new AbortController();
  let grandchild = 0;
  const end = await runTool(
    script(
      directory,
      `const child = require("node:child_process").spawn(process.execPath, ["--eval", "setInterval(() => {}, 1000)"]);
       child.on("spawn", () => console.log(child.pid)); setInterval(() => {}, 1000);`,
      {
        deadline: Deadline.after(100_000, ending.signal),
        onLine: (line) => {
          grandchild = Number(line);
          ending.abort();
        },
      },
    ),
  );
  expect(end.exitCode).toBeUndefined();
  expect(grandchild).toBeGreaterThan(0);
  await expect.poll(() => processStart(grandchild)).toBeUndefined();
});

it("rejects when the tool can't be started", async () => {
  const directory = temporaryDirectory();
  await expect(runTool(script(directory, "", { command: join(directory, "nothing") }))).rejects.toThrow(
    "ENOENT",
  );
});
