import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ScriptRunner } from "../tools.ts";

export interface ShellResult {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Runs a script in a real shell. */
export class ShellContainer implements ScriptRunner {
  /** Takes the place of `/tmp/dbward-capture`. */
  readonly directory = mkdtempSync(join(tmpdir(), "dbward-container-"));
  readonly #shell: string;
  readonly sessions: ShellResult[] = [];
  /** Called before each session; may throw what a session's failure would. */
  before: (session: number) => void | Promise<void> = () => undefined;
  /** Called after each session, when its output is on the way. */
  after: (session: number) => void = () => undefined;
  #started = 0;

  constructor(shell = "sh") {
    this.#shell = shell;
  }

  async execute({
    script,
    stdin = "",
  }: {
    readonly script: string;
    readonly stdin?: string;
  }): Promise<ShellResult> {
    const session = ++this.#started;
    await this.before(session);
    const result = await this.run(script, stdin, process.env);
    this.sessions.push(result);
    this.after(session);
    return result;
  }

  async run(script: string, stdin: string, env: NodeJS.ProcessEnv): Promise<ShellResult> {
    const child = spawn(this.#shell, ["-c", script.replaceAll("/tmp/dbward-capture", this.directory)], {
      env,
    });
    const stdout: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk));
    child.stdin.end(stdin);
    const [exitCode] = (await once(child, "close")) as [number];
    return { stdout: Buffer.concat(stdout), stderr, exitCode };
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
