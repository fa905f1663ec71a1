import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { stripVTControlCharacters } from "node:util";
import { type Deadline, displayText } from "@dbward-aws/core";
import { endGroup } from "./end-group.ts";

/** A command line tool to run to its end. */
export interface ToolRun {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** File that takes everything it prints, redacted; added to what is there. */
  readonly log: string;
  /** Ends the tool, and everything that it started, when it passes. */
  readonly deadline: Deadline;
  /** Called with each printed line, without colours. */
  readonly onLine?: (line: string) => void;
}

/** How a tool ended. */
export interface ToolEnd {
  /** `undefined` when a signal ended it. */
  readonly exitCode: number | undefined;
  /** The last lines that it printed, redacted. */
  readonly lastLines: readonly string[];
}

/**
 * Runs a tool in a process group of its own, so that nothing of it outlives its end. Rejects when it can't be
 * started.
 */
export async function runTool(run: ToolRun): Promise<ToolEnd> {
  await mkdir(dirname(run.log), { recursive: true });
  const log = createWriteStream(run.log, { flags: "a", mode: 0o600 });
  await once(log, "open");
  const child = spawn(run.command, run.args, {
    cwd: run.cwd,
    env: { ...run.env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lastLines: string[] = [];
  const read = (line: string) => {
    const printed = displayText(stripVTControlCharacters(line)).trimEnd();
    if (printed === "") return;
    log.write(`${printed}\n`);
    lastLines.push(printed);
    if (lastLines.length > LAST_LINES) lastLines.shift();
    run.onLine?.(printed);
  };
  createInterface(child.stdout).on("line", read);
  createInterface(child.stderr).on("line", read);

  let ending: Promise<void> | undefined;
  const end = () => {
    if (child.pid !== undefined) ending = endGroup(child.pid);
  };
  run.deadline.signal.addEventListener("abort", end, { once: true });
  if (run.deadline.passed) end();
  try {
    const [exitCode] = (await once(child, "close")) as [number | null];
    await ending;
    return { exitCode: exitCode ?? undefined, lastLines };
  } finally {
    run.deadline.signal.removeEventListener("abort", end);
    log.end();
    await once(log, "close");
  }
}

const LAST_LINES = 30;
