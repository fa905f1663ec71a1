import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Times of a bundle in a process of its own. */
export interface BundleRun {
  readonly loadMs: number;
  /** Milliseconds of each call. */
  readonly durations: readonly number[];
  /** Milliseconds of each call of the reference, which follows the call of the bundle. */
  readonly references: readonly number[];
  readonly maxRssMB: number;
}

/** What is run, beside the bundle's load. */
export interface BundleRunOptions {
  /** Calls of the handler. @default 0 */
  readonly calls?: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** Path of another bundle, whose handler is called in turn. @default - none */
  readonly reference?: string;
  /** Milliseconds from the begin of a call to that of the next one, if it has ended. @default 0 */
  readonly intervalMs?: number;
}

/** What the bundles need to load. */
const ENVIRONMENT = {
  PATH: process.env.PATH,
  AWS_REGION: "eu-west-1",
  AWS_ACCESS_KEY_ID: "bench",
  AWS_SECRET_ACCESS_KEY: "bench",
  DBWARD_STAGE: "bench",
  DBWARD_SERVER_URL: "http://127.0.0.1:1",
  DBWARD_METRICS_TOKEN_SECRET: "dbward/bench/metrics-token",
  DBWARD_CLUSTER: "dbward-bench",
  DBWARD_SERVER_SERVICE: "server",
  DBWARD_APPLY_CONFIGURATION: "true",
  DBWARD_APPLY_SECRETS: "agents",
  DBWARD_APPLY_STATE_PARAMETER: "/dbward/bench/apply-config",
};

/**
 * Loads a bundle in a new process, and calls its handler.
 *
 * @throws Error with what the process wrote when it fails
 */
export async function runBundle(
  entry: string,
  { calls = 0, environment = {}, reference, intervalMs = 0 }: BundleRunOptions = {},
): Promise<BundleRun> {
  const script = fileURLToPath(new URL("run-bundle.mjs", import.meta.url));
  const url = (path: string) => pathToFileURL(path).href;
  const args = [url(entry), String(calls), String(intervalMs), ...(reference ? [url(reference)] : [])];
  const child = spawn(process.execPath, ["--no-warnings", script, ...args], {
    env: { ...ENVIRONMENT, ...environment },
    // A handler writes its log to standard output.
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [output, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
  if (code !== 0) throw new Error(`${entry} ended with exit code ${code}: ${output}`);
  return JSON.parse(output) as BundleRun;
}
