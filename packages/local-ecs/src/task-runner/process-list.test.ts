import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { processStart, signalGroup } from "@dbward-aws/local-account";
import { expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../../../local-account/src/test-support/temporary-directory.ts";
import { endOrphanedTasks, ProcessList } from "./process-list.ts";

function start() {
  return spawn("sh", ["-c", "sleep 600 & sleep 600"], { detached: true, stdio: "ignore" });
}

it("ends what an earlier supervisor left behind", async () => {
  const directory = temporaryDirectory();
  const child = start();
  const exit = once(child, "exit");
  new ProcessList(directory).add(child.pid!);
  expect(endOrphanedTasks(directory)).toBe(1);
  expect((await exit)[1]).toBe("SIGKILL");
  expect(new ProcessList(directory).endOrphans()).toBe(0);
});

it("leaves processes alone whose id was reused, or that were removed from the list", () => {
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

it("leaves nothing behind when the supervisor is killed", async () => {
  const source = `
    import { spawn } from "node:child_process";
    import { ProcessList } from ${JSON.stringify(new URL("./process-list.ts", import.meta.url).href)};
    const list = new ProcessList(${JSON.stringify(temporaryDirectory())});
    const tasks = [1, 2, 3].map(() => spawn("sleep", ["600"], { detached: true, stdio: "ignore" }).pid);
    for (const pid of tasks) list.add(pid);
    list.remove(tasks[1]);
    process.send(tasks);
    setInterval(() => undefined, 1_000);`;
  const words = ["--conditions=@dbward-aws/source", "--import", import.meta.resolve("tsx")];
  const supervisor = spawn(process.execPath, [...words, "--input-type=module", "--eval", source], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [[first, removed, last]] = (await once(supervisor, "message")) as [[number, number, number]];
  onTestFinished(() => void signalGroup(removed, "SIGKILL"));
  expect([first, removed, last].map(processStart)).not.toContain(undefined);
  supervisor.kill("SIGKILL");
  await expect
    .poll(() => [first, last].map(processStart), { timeout: 60_000 })
    .toEqual([undefined, undefined]);
  expect(processStart(removed)).toBeDefined();
});
