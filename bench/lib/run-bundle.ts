import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What a process said that loaded a bundle and called its handler. */
export interface BundleRun {
  readonly loadMs: number;
  /** Milliseconds of each call. */
  readonly durations: readonly number[];
  readonly maxRssMB: number;
}

/** Every bundle loads with these; a poll needs more. */
const ENVIRONMENT = {
  PATH: process.env.PATH,
  AWS_REGION: "eu-west-1",
  AWS_ACCESS_KEY_ID: "bench",
  AWS_SECRET_ACCESS_KEY: "bench",
  DBWARD_STAGE: "bench",
  DBWARD_SERVER_URL: "http://127.0.0.1:1",
  DBWARD_METRICS_TOKEN_SECRET: "dbward/bench/metrics-token",
};

/**
 * Loads a bundle in a fresh process, and calls its handler.
 *
 * @throws Error with what the process said when it fails
 */
export async function runBundle(
  entry: string,
  calls = 0,
  environment: Readonly<Record<string, string>> = {},
): Promise<BundleRun> {
  const script = fileURLToPath(new URL("run-bundle.mjs", import.meta.url));
  const child = spawn(process.execPath, ["--no-warnings", script, pathToFileURL(entry).href, String(calls)], {
    env: { ...ENVIRONMENT, ...environment },
    // A handler logs to its standard output.
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
  if (code !== 0) throw new Error(`${entry} ended with ${code}: ${said}`);
  return JSON.parse(said) as BundleRun;
}
