import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { STAND_IN_AGENT } from "../index.ts";

/** What Node needs to run the sources as they are, those of other packages included. */
const FROM_SOURCES = ["--conditions=@dbward-aws/source", "--import", import.meta.resolve("tsx")];

/** A stand-in that runs as a process of its own. */
export class StandInProcess {
  /** Everything that it printed, line by line, both streams. */
  readonly output: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #waiting: (() => void)[] = [];

  constructor(entry: string, args: readonly string[], environment: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, [...FROM_SOURCES, entry, ...args], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      createInterface(stream).on("line", (line) => {
        this.output.push(line);
        this.#wake();
      });
    this.#ended = once(this.#child, "close").then(([code]) => {
      this.#wake();
      return code as number | null;
    });
  }

  /** The first line that matches, now or later. @throws when the process ends without it */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.output.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`ended without ${pattern}:\n${this.output.join("\n")}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for its end. @returns the exit code, null when a signal ended it */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** A folder with stand-ins in it; `dispose` ends them and removes it. */
export class Sandbox {
  readonly directory: string;
  readonly #processes: StandInProcess[] = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<Sandbox> {
    return new Sandbox(await mkdtemp(join(tmpdir(), "stand-in-")));
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async agent(toml: string, environment: NodeJS.ProcessEnv = {}): Promise<StandInProcess> {
    const config = this.path("agent.toml");
    await writeFile(config, toml);
    return this.#start(STAND_IN_AGENT, ["--config", config], {
      DBWARD_STANDIN_TMP: this.directory,
      ...environment,
    });
  }

  async dispose(): Promise<void> {
    for (const each of this.#processes) each.signal("SIGKILL");
    await Promise.all(this.#processes.map((each) => each.ended()));
    await rm(this.directory, { recursive: true, force: true });
  }

  #start(entry: string, args: readonly string[], environment: NodeJS.ProcessEnv): StandInProcess {
    const started = new StandInProcess(entry, args, environment);
    this.#processes.push(started);
    return started;
  }
}
