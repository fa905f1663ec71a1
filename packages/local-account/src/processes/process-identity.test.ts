import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { identify, isAlive } from "./process-identity.ts";

it("knows a living process by its id and its start", () => {
  const identity = identify(process.pid);
  expect(identity?.started).toMatch(/\d/);
  expect(isAlive(identity!)).toBe(true);
});

it("takes a process with the same id and another start for another one", () => {
  expect(isAlive({ pid: process.pid, started: "Thu Jan  1 00:00:00 1970" })).toBe(false);
});

it("knows that a process has ended", async () => {
  const child = spawn(process.execPath, ["--eval", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  const identity = identify(child.pid!);
  child.kill();
  await once(child, "exit");
  expect(isAlive(identity!)).toBe(false);
});
