import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Deadline } from "@dbward-aws/core";
import { StageEnded } from "../stage/errors.ts";
import type { Run, StageFiles } from "./stage-files.ts";

/** Exit code of a host that finds another one running. */
export const ALREADY_RUNNING = 3;
const HOST = fileURLToPath(new URL("./host.ts", import.meta.url));
const START_MS = 30_000;

/**
 * Starts the process that hosts the stage, apart from this one and its terminal, and waits until it can be
 * asked.
 *
 * @returns its run, or that of another one which was quicker
 * @throws StageEnded when it ended before that
 */
export async function startHost(root: string, files: StageFiles): Promise<Run> {
  const logFile = files.log("host");
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, "a", 0o600);
  const child = spawn(process.execPath, [...process.execArgv, HOST, root], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  let exitCode: number | null | undefined;
  child.once("exit", (code) => {
    exitCode = code;
  });
  child.once("error", () => {
    exitCode = null;
  });
  child.unref();
  const run = await Deadline.after(START_MS).until(async () => {
    const found = await files.run();
    if (found) return found;
    return exitCode === undefined || exitCode === ALREADY_RUNNING ? undefined : null;
  }, 50);
  if (run) return run;
  throw new StageEnded(logFile, await lastLines(logFile));
}

/** The last lines of a log, for an error. */
export async function lastLines(file: string, count = 10): Promise<string[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.split("\n").filter(Boolean).slice(-count);
}
