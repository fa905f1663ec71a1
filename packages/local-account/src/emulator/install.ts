import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Deadline, isRunning } from "@dbward-aws/core";
import { runTool, type ToolRun } from "../processes/run-tool.ts";
import { EmulatorUnavailable } from "./errors.ts";
import { findPython, MINIMUM_PYTHON, type PythonSource } from "./find-python.ts";

/** Pinned by hash; a change of the file makes a new environment. */
const REQUIREMENTS = fileURLToPath(new URL("../../src/emulator/requirements.txt", import.meta.url));
/** Runs in the environment's Python. */
export const LAUNCHER = fileURLToPath(new URL("../../src/emulator/launcher/launcher.py", import.meta.url));

export interface InstallOptions {
  /** Where environments are kept: they serve every run, and every stage of this checkout. */
  readonly cacheDirectory: string;
  /** File for what pip prints. */
  readonly log: string;
  readonly deadline: Deadline;
  /** Called with what is under way, in a few words. */
  readonly note?: (text: string) => void;
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Makes the virtual environment that the emulator runs in, unless it is there. It is made beside its place
 * and moved there when it is whole, so that an interrupted run leaves nothing that could be taken for one. Of
 * several processes that want it at the same time one makes it, and the others wait.
 *
 * @returns the environment's Python
 * @throws {@link EmulatorUnavailable} `python-missing`, `emulator-install-failed`
 */
export async function installEmulator(options: InstallOptions): Promise<string> {
  const { cacheDirectory, deadline, note } = options;
  const name = `ministack-${digest(await readFile(REQUIREMENTS))}`;
  const home = join(cacheDirectory, name);
  const python = join(home, "bin", "python");
  await mkdir(cacheDirectory, { recursive: true });
  await deadline.until(async () => {
    const isBeingMade = !existsSync(python) && (await othersParts(cacheDirectory, name)).length > 0;
    return isBeingMade ? undefined : true;
  }, 200);
  if (existsSync(python)) {
    note?.("ready");
    return python;
  }
  const env = options.env ?? process.env;
  const { source, passedOver } = await findPython(env);
  if (!source) throw pythonMissing(passedOver);
  note?.(source.kind === "uv" ? "with uv" : `with Python ${source.version}`);
  const part = join(cacheDirectory, `${name}.part-${process.pid}-${randomUUID()}`);
  try {
    for (const [command, args] of installation(source, part)) await runStep(options, env, command, args);
    await rename(part, home).catch((error: unknown) => {
      if (!existsSync(python)) throw error; // else another process was quicker
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  return python;
}

/** Environments that other living processes are making; those of processes that have ended are removed. */
async function othersParts(cacheDirectory: string, name: string): Promise<string[]> {
  const living: string[] = [];
  for (const entry of await readdir(cacheDirectory)) {
    const pid = Number(new RegExp(`^${name}\\.part-(\\d+)-`).exec(entry)?.[1]);
    if (!pid || pid === process.pid) continue;
    if (isRunning(pid)) living.push(entry);
    else await rm(join(cacheDirectory, entry), { recursive: true, force: true });
  }
  return living;
}

function installation(source: PythonSource, home: string): [string, string[]][] {
  const python = join(home, "bin", "python");
  const pinned = ["--require-hashes", "--only-binary", ":all:", "-r", REQUIREMENTS];
  if (source.kind === "uv") {
    return [
      [source.path, ["venv", "--python", `>=${MINIMUM_PYTHON.join(".")}`, home]],
      [source.path, ["pip", "install", "--python", python, ...pinned]],
    ];
  }
  const pip = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", ...pinned];
  return [
    [source.path, ["-m", "venv", home]],
    [python, pip],
  ];
}

async function runStep(
  options: InstallOptions,
  env: NodeJS.ProcessEnv,
  command: string,
  args: readonly string[],
): Promise<void> {
  const run: ToolRun = {
    command,
    args,
    cwd: options.cacheDirectory,
    env: { ...env, UV_CACHE_DIR: join(options.cacheDirectory, "uv") } as Record<string, string>,
    log: options.log,
    deadline: options.deadline,
  };
  const { exitCode, lastLines } = await runTool(run);
  if (exitCode === 0) return;
  const reason = options.deadline.passed ? "it took too long" : failureReason(lastLines);
  throw new EmulatorUnavailable(
    "emulator-install-failed",
    `Installing the emulator from PyPI failed: ${reason}.`,
    {
      hint: `Check the network and the package index, then run the command again; ${options.log} has it all.`,
    },
  );
}

/** pip and uv try on when the index is out of reach, and at last say that it has no such package. */
function failureReason(lines: readonly string[]): string {
  if (lines.some((line) => UNREACHABLE.test(line))) return "the package index can't be reached";
  const last = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? "nothing was printed";
  return last.replace(/\.$/, "");
}

const UNREACHABLE = /connection broken|connection refused|error sending request|dns error|name resolution/i;

function pythonMissing(passedOver: readonly string[]): EmulatorUnavailable {
  const minimum = MINIMUM_PYTHON.join(".");
  const found =
    passedOver.length > 0 ? `found only: ${passedOver.join(", ")}` : "found neither Python nor uv";
  return new EmulatorUnavailable(
    "python-missing",
    `The emulated account needs Python ${minimum} or later, and this machine has none: ${found}.`,
    {
      hint: `Install Python ${minimum}+ (on Debian with python3-venv) or uv, or name one in DBWARD_PYTHON.`,
    },
  );
}

function digest(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 12);
}
