import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import type { LocalStage } from "@dbward-aws/local-cloud";

/** How a command ended, and what it printed. */
export interface CommandEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = join(import.meta.dirname, "../..");

/** `pnpm ops ARGS --stage …` against a stage, as a process of its own. @param folder has dbward.config.ts */
export function ops(stage: LocalStage, folder: string, ...args: string[]): Promise<CommandEnd> {
  return node(stage.environment, folder, opsWords(stage, args));
}

/**
 * As {@link ops}, on a terminal of 100 columns and 30 rows, with these lines typed. Standard error is shown
 * there, too.
 */
export async function opsOnTerminal(
  stage: LocalStage,
  folder: string,
  args: readonly string[],
  typed: string,
): Promise<CommandEnd> {
  const words = [process.execPath, ...opsWords(stage, args)].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qefc", `stty cols 100 rows 30; ${words}`, "/dev/null"], {
    cwd: folder,
    env: { ...stage.environment, TERM: "xterm" },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: 600_000,
  });
  const ended = endOf(child);
  child.stdin.write(typed);
  const end = await ended;
  child.stdin.destroy();
  return end;
}

/**
 * Starts `pnpm ops ARGS --stage …`, and waits for its first line.
 * @returns the process, that line, and its end
 */
export async function startOps(stage: LocalStage, folder: string, ...args: string[]) {
  const child = spawn(process.execPath, opsWords(stage, args), {
    cwd: folder,
    env: stage.environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = endOf(child);
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (data) => resolve(String(data).split("\n")[0]!));
    void ended.then(({ stderr }) => reject(new Error(`it ended: ${stderr}`)));
  });
  return { child, firstLine: await firstLine, ended };
}

function opsWords(stage: LocalStage, args: readonly string[]): string[] {
  return [...FROM_SOURCE, join(ROOT, "packages/ops/src/main.ts"), "--stage", stage.stage, ...args];
}

/** `pnpm synth ARGS`, with no account to ask. */
export function synth(...args: string[]): Promise<CommandEnd> {
  const { PATH = "", HOME = "" } = process.env;
  return node({ PATH, HOME }, ROOT, [...FROM_SOURCE, "app.ts", ...args]);
}

/**
 * `pnpm cdk ARGS --stage …` against a stage, without the build.
 * @param folder has cdk.ts and dbward.config.ts
 */
export function cdk(
  stage: LocalStage,
  folder: string,
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<CommandEnd> {
  return node({ ...stage.environment, ...env }, folder, [
    ...FROM_SOURCE,
    "cdk.ts",
    ...args,
    "--stage",
    stage.stage,
  ]);
}

/** `pnpm cdk ARGS` of examples/cdk against an account. @param output folder of the templates */
export function exampleCdk(account: LocalStage, output: string, ...args: string[]): Promise<CommandEnd> {
  const folder = join(ROOT, "examples/cdk");
  const PATH = `${join(folder, "node_modules/.bin")}:${account.environment.PATH ?? process.env.PATH}`;
  const script = join(folder, "node_modules/aws-cdk/bin/cdk");
  return node({ ...account.environment, PATH }, folder, [script, ...args, "--output", output]);
}

/** `sst build ARGS` against the account of a stage, in its view of the project. */
export function sstBuild(account: LocalStage, ...args: string[]): Promise<CommandEnd> {
  const sst = join(ROOT, "node_modules/sst/cli/sst.js");
  return node(account.environment, account.view, [sst, "build", ...args]);
}

/** As the scripts of package.json have it. */
const FROM_SOURCE = [
  "--conditions=@dbward-aws/source",
  "--import",
  join(ROOT, "node_modules/tsx/dist/loader.mjs"),
];

async function node(env: NodeJS.ProcessEnv, cwd: string, args: readonly string[]): Promise<CommandEnd> {
  const child = spawn(process.execPath, args, {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 600_000,
  });
  return endOf(child);
}

async function endOf(child: ChildProcessByStdio<Writable | null, Readable, Readable>): Promise<CommandEnd> {
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { exitCode, stdout, stderr };
}
