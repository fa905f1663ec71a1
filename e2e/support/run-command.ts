import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
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
  const main = join(ROOT, "packages/ops/src/main.ts");
  return node(stage.environment, folder, [...FROM_SOURCE, main, ...args, "--stage", stage.stage]);
}

/** `pnpm synth ARGS`, with no account to ask. */
export function synth(...args: string[]): Promise<CommandEnd> {
  const { PATH = "", HOME = "" } = process.env;
  return node({ PATH, HOME }, ROOT, [...FROM_SOURCE, "app.ts", ...args]);
}

/** `sst build ARGS` against the account of a stage, in its view of the project. */
export function sstBuild(account: LocalStage, ...args: string[]): Promise<CommandEnd> {
  const sst = join(ROOT, "node_modules/sst/cli/sst.js");
  return node(account.environment, join(account.directory, "sst"), [sst, "build", ...args]);
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
    timeout: 120_000,
  });
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { exitCode, stdout, stderr };
}
