import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { METRICS_PERMISSION, METRICS_ROLE } from "@dbward-aws/contract";
import { Deadline } from "@dbward-aws/core";
import { STAND_IN_SERVER } from "@dbward-aws/dbward-stand-in";
import { freePort } from "@dbward-aws/local-account";

/** What Node needs to run the stand-in's sources. */
const FROM_SOURCES = ["--conditions=@dbward-aws/source", "--import", import.meta.resolve("tsx")];
const START_MS = 60_000;

const CONFIG = (directory: string, roles: string) => `
state_dir = ${JSON.stringify(directory)}

[auth]
mode = "token"

[[databases]]
name = "app"
environments = ["production"]
${roles}`;

const ROLE = `
[[auth.roles]]
name = "${METRICS_ROLE}"
permissions = ["${METRICS_PERMISSION}"]
`;

/**
 * A dbward server program: the one that `DBWARD_SERVER_BIN` names, else the stand-in. Its state is in a
 * folder of its own.
 */
export class DbwardServerProgram {
  readonly port: number;
  readonly stateDirectory: string;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #output = "";

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.stateDirectory = join(folder, "data");
    this.port = port;
  }

  static async start(): Promise<DbwardServerProgram> {
    const program = new DbwardServerProgram(
      await mkdtemp(join(tmpdir(), "dbward-server-")),
      await freePort(),
    );
    await program.start({ withRole: true });
    return program;
  }

  /** Starts it, again after {@link stop}. @throws when it does not answer on /health */
  async start({ withRole }: { readonly withRole: boolean }): Promise<void> {
    const config = join(this.#folder, "server.toml");
    await writeFile(config, CONFIG(this.stateDirectory, withRole ? ROLE : ""));
    const args = ["--listen", `127.0.0.1:${this.port}`, "--config", config];
    const binary = process.env.DBWARD_SERVER_BIN;
    const [file, ...before] = binary ? [binary] : [process.execPath, ...FROM_SOURCES, STAND_IN_SERVER];
    this.#child = spawn(file!, [...before, ...args], {
      env: { PATH: process.env.PATH, HOME: this.#folder, DBWARD_STANDIN_DRAIN_MS: "5000" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on("data", (chunk) => (this.#output += chunk));
    const isUp = async () => {
      const answer = await fetch(`http://127.0.0.1:${this.port}/health`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.ok || this.#child!.exitCode !== null || undefined;
    };
    await Deadline.after(START_MS).until(isUp, 50);
    if (this.#child.exitCode !== null) throw new Error(`The server ended:\n${this.#output}`);
  }

  /** Ends it at once, as a host that fails does. */
  async stop(): Promise<void> {
    const ended = once(this.#child!, "close");
    this.#child!.kill("SIGKILL");
    await ended;
  }

  /** Asks it to end: it drains from now on. */
  drain(): void {
    this.#child!.kill("SIGTERM");
  }

  tokenFile(name: "admin-token" | "agent-token"): Promise<string> {
    return readFile(join(this.stateDirectory, name), "utf8");
  }

  /** A call of its API. @param token @default - the administrator's */
  async call(
    method: string,
    path: string,
    body?: object,
    token?: string,
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token ?? (await this.tokenFile("admin-token"))}`,
        ...(body && { "content-type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : {} };
  }

  close(): void {
    this.#child?.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
