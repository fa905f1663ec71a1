import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { signalGroup } from "@dbward-aws/local-account";
import { TaskStartFailed } from "./errors.ts";

export interface ContainerProcessOptions {
  /** The program and its arguments, as they are to be executed. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Working directory. */
  readonly directory: string;
  /** Gets every line of output, both streams. */
  readonly onLine: (line: string) => void;
}

/** The main process of a container, and with it everything that it starts. */
export class ContainerProcess {
  readonly pid: number;
  /**
   * Exit code as a container has it (128 and the signal's number when a signal ended it); all of its group is
   * ended then.
   */
  readonly ended: Promise<number>;

  private constructor(child: ChildProcess, ended: Promise<number>) {
    this.pid = child.pid!;
    this.ended = ended;
  }

  /** @throws TaskStartFailed when the program can't be executed */
  static async start(options: ContainerProcessOptions): Promise<ContainerProcess> {
    const [program, ...args] = options.words;
    if (program === undefined) throw new TaskStartFailed("CannotStartContainerError: no command specified");
    const child = spawn(program, args, {
      cwd: options.directory,
      env: options.environment,
      // A group of its own: the supervisor's signals don't reach it, and it can be ended whole.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = untilEnd(child, options.onLine);
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error: NodeJS.ErrnoException) => reject(cannotStart(program, error)));
    });
    return new ContainerProcess(child, ended);
  }

  /** Sends SIGTERM, and SIGKILL after `timeoutSeconds`; resolves when the whole group has ended. */
  async stop(timeoutSeconds: number): Promise<void> {
    // As with a container: the main process gets the signal, and what it started does not.
    signalProcess(this.pid, "SIGTERM");
    const timer = setTimeout(() => signalGroup(this.pid, "SIGKILL"), timeoutSeconds * 1000);
    await this.ended;
    clearTimeout(timer);
  }
}

/** Waits for the process and its output; what it leaves running ends with it, as in a container. */
async function untilEnd(child: ChildProcess, onLine: (line: string) => void): Promise<number> {
  const lines = Promise.all([forward(child.stdout!, onLine), forward(child.stderr!, onLine)]);
  const exitCode = await new Promise<number>((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? 128 + (constants.signals[signal!] ?? 0)));
    // Without a start there is no exit.
    child.once("error", () => resolve(127));
  });
  if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
  // Something that left the group may still hold the output open.
  await Promise.race([lines, delay(LAST_LINES_MS, undefined, { ref: false })]);
  return exitCode;
}

const LAST_LINES_MS = 1_000;

async function forward(stream: Readable, onLine: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }))
    onLine(line);
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}

function cannotStart(program: string, error: NodeJS.ErrnoException): TaskStartFailed {
  const reason =
    error.code === "ENOENT" ? "executable file not found in $PATH" : (error.code ?? error.message);
  return new TaskStartFailed(
    `CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: exec: "${program}": ${reason}`,
  );
}
