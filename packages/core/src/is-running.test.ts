import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { isRunning } from "./is-running.ts";

it("tells a running process from one that has ended", async () => {
  const child = spawn(process.execPath, ["--eval", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  expect(isRunning(child.pid!)).toBe(true);
  child.kill();
  await once(child, "exit");
  expect(isRunning(child.pid!)).toBe(false);
});

it("counts processes of other users", () => {
  expect(isRunning(1)).toBe(true);
});
