import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
  *"-m venv"*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; [ -e "$3/stale" ] && exit 9; exit 0;;
  *pip*) ${pip};;
esac`;
  writeFileSync(join(bin, "python3"), script);
  chmodSync(join(bin, "python3"), 0o755);
  return {
    cacheDirectory: join(directory, "cache"),
    log: join(directory, "logs", "install.log"),
    deadline: Deadline.after(15_000),
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

it("makes anew what an interrupted run has left", async () => {
  const options = machine("exit 1");
  await installEmulator(options).catch(() => undefined);
  const [home = ""] = readdirSync(options.cacheDirectory);
  const left = join(options.cacheDirectory, home, "stale");
  writeFileSync(left, "");
  const env = machine("exit 0").env!;
  await installEmulator({ ...options, env });
  expect(existsSync(left)).toBe(false);
});

it("says which Python is too old and what is needed", async () => {
  const options = machine("exit 0");
  const failing = installEmulator({ ...options, env: { PATH: "/nowhere" } });
  await expect(failing).rejects.toMatchObject({
    code: "python-missing",
    message: expect.stringContaining("Python 3.10 or later"),
  });
});
