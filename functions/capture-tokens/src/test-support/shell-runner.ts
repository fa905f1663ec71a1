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
  /** Replaces `/tmp`. */
  readonly directory = mkdtempSync(join(tmpdir(), "dbward-container-"));
  readonly #shell: string;
  readonly sessions: ShellResult[] = [];
  /** ARN of the task of each session that was started. */
  readonly tasks: string[] = [];
  /** Called before each session; may throw the error of a session. */
  before: (session: number) => void | Promise<void> = () => undefined;
  /** Called after each session, before its output is returned. */
  after: (session: number) => void = () => undefined;
  #started = 0;

  constructor(shell = "sh") {
    this.#shell = shell;
  }

  async execute({
    task,
    script,
    stdin = "",
  }: {
    readonly task: string;
    readonly script: string;
    readonly stdin?: string;
  }): Promise<ShellResult> {
    const session = ++this.#started;
    this.tasks.push(task);
    await this.before(session);
    const result = await this.run(script, stdin, process.env);
    this.sessions.push(result);
    this.after(session);
    return result;
  }

  /** A script or command line with this container's folder in place of `/tmp`. */
  inside(script: string): string {
    return script.replaceAll("/tmp/dbward-capture", join(this.directory, "dbward-capture"));
  }

  async run(script: string, stdin: string, env: NodeJS.ProcessEnv): Promise<ShellResult> {
    const child = spawn(this.#shell, ["-c", this.inside(script)], { env });
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
