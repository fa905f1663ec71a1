import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../test-support/temporary-directory.ts";
import { processStart } from "./process-group.ts";
import { endOrphanedTasks, ProcessList } from "./process-list.ts";

function start() {
  return spawn("sh", ["-c", "sleep 600 & sleep 600"], { detached: true, stdio: "ignore" });
}

it("ends what an earlier supervisor has left behind", async () => {
  const directory = temporaryDirectory();
  const child = start();
  const exit = once(child, "exit");
  new ProcessList(directory).add(child.pid!);
  expect(endOrphanedTasks(directory)).toBe(1);
  expect((await exit)[1]).toBe("SIGKILL");
  expect(new ProcessList(directory).endOrphans()).toBe(0);
});

it("leaves processes alone that have got the id of one that is gone, or were taken off the list", () => {
  const directory = temporaryDirectory();
  const file = path.join(directory, "tasks", "processes.json");
  const child = start();
  try {
    const list = new ProcessList(directory);
    list.add(child.pid!);
    writeFileSync(file, readFileSync(file, "utf8").replace(processStart(child.pid!)!, "1"));
    expect(new ProcessList(directory).endOrphans()).toBe(0);
    list.add(child.pid!);
    list.remove(child.pid!);
    expect(new ProcessList(directory).endOrphans()).toBe(0);
    expect(processStart(child.pid!)).toBeDefined();
  } finally {
    process.kill(-child.pid!, "SIGKILL");
  }
});
