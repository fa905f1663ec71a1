import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Deadline } from "@dbward-aws/core";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../test-support/temporary-directory.ts";
import { type InstallOptions, installEmulator } from "./install.ts";

/**
 * A machine whose Python makes an environment with a `pip` that runs `pip` (a line of shell).
 */
function machine(pip: string): InstallOptions {
  const directory = temporaryDirectory();
  const bin = join(directory, "bin");
  mkdirSync(bin);
  const script = `#!/bin/sh
case "$*" in
  *ensurepip*) echo "3.11.0 $0";;
  -c*) echo 3.11.0;;
  *"-m venv"*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;
  *pip*) ${pip};;
esac`;
  writeFileSync(join(bin, "python3"), script);
  chmodSync(join(bin, "python3"), 0o755);
  return {
    cacheDirectory: join(directory, "cache"),
    log: join(directory, "logs", "install.log"),
    deadline: Deadline.after(100_000),
    env: { PATH: `${bin}:/usr/bin:/bin` },
  };
}

it("makes one environment, and takes it again", async () => {
  const notes: string[] = [];
  const options = { ...machine("exit 0"), note: (text: string) => notes.push(text) };
  const python = await installEmulator(options);
  expect(await installEmulator(options)).toBe(python);
  expect(notes).toEqual(["with Python 3.11.0", "ready"]);
});

it("says what pip said when a download breaks, and tries anew the next time", async () => {
  const options = machine('echo "ERROR: Hash mismatch for ministack"; exit 1');
  await expect(installEmulator(options)).rejects.toMatchObject({
    code: "emulator-install-failed",
    message: expect.stringContaining("Hash mismatch for ministack"),
  });
  await expect(installEmulator(options)).rejects.toMatchObject({ code: "emulator-install-failed" });
});

it("removes what an interrupted run has left", async () => {
  const options = machine("exit 0");
  const python = await installEmulator(options);
  const home = dirname(dirname(python));
  const ended = spawnSync(process.execPath, ["--eval", ""]).pid;
  renameSync(home, `${home}.part-${ended}-left`);
  expect(await installEmulator(options)).toBe(python);
  expect(readdirSync(options.cacheDirectory)).toEqual([basename(home)]);
});

it("waits for another process that is making it", async () => {
  const options = machine("exit 0");
  const python = await installEmulator(options);
  const home = dirname(dirname(python));
  const part = `${home}.part-${process.ppid}-other`;
  renameSync(home, part);
  let hasWaited = false;
  const waiting = installEmulator({ ...options, env: { PATH: "/nowhere" } });
  await setImmediate();
  hasWaited = !existsSync(home);
  renameSync(part, home);
  expect([await waiting, hasWaited]).toEqual([python, true]);
});

it("says which Python is too old and what is needed", async () => {
  const options = machine("exit 0");
  const failing = installEmulator({ ...options, env: { PATH: "/nowhere" } });
  await expect(failing).rejects.toMatchObject({
    code: "python-missing",
    message: expect.stringContaining("Python 3.10 or later"),
  });
});
