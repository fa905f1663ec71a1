import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** A program that can make the emulator's environment. */
export type PythonSource =
  | { readonly kind: "python"; readonly path: string; readonly version: string }
  | { readonly kind: "uv"; readonly path: string };

/** What was found on the machine, fitting or not. */
export interface PythonSearch {
  readonly source?: PythonSource;
  /** Why each candidate that exists was passed over, as `python3 is 3.9.2`. */
  readonly passedOver: readonly string[];
}

/** MiniStack needs this version or a later one. */
export const MINIMUM_PYTHON = [3, 10] as const;

const CANDIDATES = [
  "python3",
  "python3.13",
  "python3.12",
  "python3.11",
  "python3.10",
  "python3.14",
  "python",
];
const PROBE = "import sys, venv, ensurepip; print('%d.%d.%d' % sys.version_info[:3], sys.executable)";
const VERSION_PROBE = "import sys; print('%d.%d.%d' % sys.version_info[:3])";
const run = promisify(execFile);

/**
 * The first Python on the PATH that is new enough and can make a virtual environment, else `uv`, which brings
 * one.
 *
 * @param env where PATH is looked up. `DBWARD_PYTHON` names the Python to take, before all others
 */
export async function findPython(env: NodeJS.ProcessEnv = process.env): Promise<PythonSearch> {
  const passedOver: string[] = [];
  for (const candidate of env.DBWARD_PYTHON ? [env.DBWARD_PYTHON] : CANDIDATES) {
    const version = await ask(candidate, ["-c", VERSION_PROBE], env);
    if (version === undefined) continue;
    if (!isNewEnough(version)) {
      passedOver.push(`${candidate} is ${version}`);
      continue;
    }
    const probed = await ask(candidate, ["-c", PROBE], env);
    const path = probed?.slice(probed.indexOf(" ") + 1);
    if (path) return { source: { kind: "python", path, version }, passedOver };
    passedOver.push(`${candidate} is ${version}, without the module venv`);
  }
  if (await ask("uv", ["--version"], env)) return { source: { kind: "uv", path: "uv" }, passedOver };
  return { passedOver };
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major === MINIMUM_PYTHON[0] && minor >= MINIMUM_PYTHON[1];
}

async function ask(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  try {
    const { stdout } = await run(command, args, { env, timeout: PROBE_MS });
    return stdout.trim() || undefined;
  } catch {
    return undefined; // not there, or not able to run: the next candidate is asked
  }
}

const PROBE_MS = 15_000;
