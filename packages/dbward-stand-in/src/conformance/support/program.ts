import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** One of dbward's programs as the suite starts it. */
export interface ProgramUnderTest {
  readonly name: "dbward-server" | "dbward-agent";
  /** Whether it is dbward's own. */
  readonly real: boolean;
  /** The command and its first arguments. */
  readonly command: readonly string[];
}

/**
 * The server that the expectations are held against: `DBWARD_SERVER_BIN` in `pnpm conformance`, else the
 * stand-in.
 */
export const SERVER = programUnderTest("dbward-server", "DBWARD_SERVER_BIN", "server");
/**
 * The agent that the expectations are held against: `DBWARD_AGENT_BIN` in `pnpm conformance`, else the
 * stand-in.
 */
export const AGENT = programUnderTest("dbward-agent", "DBWARD_AGENT_BIN", "agent");

function programUnderTest(
  name: ProgramUnderTest["name"],
  variable: string,
  bundle: string,
): ProgramUnderTest {
  // Set by the configuration of `pnpm conformance` alone: the usual test run must not depend on what is
  // installed.
  const binary = process.env.CONFORMANCE_PROGRAMS === "environment" ? process.env[variable] : undefined;
  return binary
    ? { name, real: true, command: [binary] }
    : {
        name,
        real: false,
        command: [process.execPath, join(process.env.STAND_IN_BUNDLES!, `${bundle}.mjs`)],
      };
}

/** A program that was started by the suite. */
export class RunningProgram {
  /** Everything that it printed, line by line, both streams, without colours. */
  readonly output: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #waiting: (() => void)[] = [];

  /** @param environment all that it gets beside the PATH */
  constructor(program: ProgramUnderTest, args: readonly string[], environment: NodeJS.ProcessEnv) {
    const [command, ...first] = program.command;
    this.#child = spawn(command!, [...first, ...args], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      createInterface(stream).on("line", (line) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with an escape
        this.output.push(line.replace(/\u001b\[[0-9;]*m/g, ""));
        this.#wake();
      });
    this.#ended = once(this.#child, "close").then(([code]) => {
      this.#wake();
      return code as number | null;
    });
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The first line that matches, now or later. @throws when the process ends without it */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.output.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (!this.running) throw new Error(`ended without ${pattern}:\n${this.output.join("\n")}`);
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

  /** Ends it without giving it a chance to do anything. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
