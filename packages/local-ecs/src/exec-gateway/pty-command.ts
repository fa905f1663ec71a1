import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import path from "node:path";
import { isRunning } from "@dbward-aws/core";
import { type IPty, spawn } from "@lydell/node-pty";

/** A command to run on a pty, in some task's view. */
export interface PtyCommandOptions {
  /** The program and its arguments, as they are to be executed. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Working directory. */
  readonly directory: string;
}

/** The command can't be started; the message is what the agent says after `Unable to start command: `. */
export class PtyStartFailed extends Error {
  override readonly name = "PtyStartFailed";
}

/**
 * A command on a pty of its own, read in pieces by its consumer. A consumer that doesn't read makes the
 * command wait, as a full terminal does.
 *
 * The other end of the pty is kept open here as well, until the command has ended: when it is not held, Node
 * takes the first short read for the end of the output and throws the rest away.
 */
export class PtyCommand {
  readonly #pty: IPty & UnixPty;
  readonly #terminal: number;
  readonly #watch: NodeJS.Timeout;
  #output: Buffer[] = [];
  #buffered = 0;
  /** The command has ended; its output may not have been read yet. */
  #gone = false;
  #ended = false;
  #paused = false;
  #wake: () => void = () => undefined;

  /** @throws PtyStartFailed when the program isn't there or can't be executed */
  constructor(options: PtyCommandOptions) {
    const [program, ...args] = options.words;
    const file = findProgram(program ?? "", options.environment.PATH ?? "", options.directory);
    this.#pty = spawn(file, args, {
      name: options.environment.TERM ?? "xterm-256color",
      cwd: options.directory,
      env: { ...options.environment },
      encoding: null,
      // The terminal has no size until the client sends one. The library takes 0 for its default; the system
      // sees 16 bits of this, which are 0.
      cols: 65_536,
      rows: 65_536,
    }) as IPty & UnixPty;
    this.#terminal = openSync(this.#pty.ptsName, constants.O_RDWR | constants.O_NOCTTY);
    // With `encoding: null` the data are bytes, which the type of the event doesn't say.
    this.#pty.onData((data) => this.#keep(data as unknown as Buffer));
    // node-pty reports the end only after it has released the pty, which takes up to 200 ms.
    this.#watch = setInterval(() => {
      if (!isRunning(this.#pty.pid)) this.#takeRest();
    }, WATCH_INTERVAL_MS);
  }

  /**
   * The next bytes of output, waiting for them.
   *
   * @param most at most so many
   * @returns `undefined` at the end of the output
   */
  async read(most: number): Promise<Buffer | undefined> {
    while (this.#buffered === 0) {
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#take(most);
    if (this.#paused && this.#buffered < BUFFER_SIZE / 2) this.#resume();
    return bytes;
  }

  write(bytes: Uint8Array): void {
    // Bytes are passed on as they are; the type knows of text alone.
    if (!this.#gone) this.#pty.write(Buffer.from(bytes) as unknown as string);
  }

  resize(columns: number, rows: number): void {
    if (!this.#gone && columns > 0 && rows > 0) this.#pty.resize(columns, rows);
  }

  /**
   * Ends the command and everything that it started on its terminal. What it has written can still be read.
   */
  kill(): void {
    if (this.#gone) return;
    try {
      // A pty's command leads a process group of its own.
      process.kill(-this.#pty.pid, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }

  #keep(bytes: Buffer): void {
    this.#output.push(bytes);
    this.#buffered += bytes.length;
    this.#wake();
    if (this.#buffered >= BUFFER_SIZE && !this.#paused && !this.#gone) {
      this.#paused = true;
      this.#pty.pause();
    }
  }

  #take(most: number): Buffer {
    const [first] = this.#output;
    const bytes = first!.subarray(0, most);
    if (bytes.length === first!.length) this.#output.shift();
    else this.#output[0] = first!.subarray(most);
    this.#buffered -= bytes.length;
    return bytes;
  }

  #resume(): void {
    this.#paused = false;
    this.#pty.resume();
  }

  /** Reads what the command has left behind, at once: node-pty is about to close the pty. */
  #takeRest(): void {
    clearInterval(this.#watch);
    this.#gone = true;
    closeSync(this.#terminal);
    const rest = readToEnd(this.#pty.fd);
    if (!this.#paused) {
      this.#end(rest);
      return;
    }
    // What the stream holds comes before the rest.
    this.#pty.onExit(() => this.#end(rest));
    this.#resume();
  }

  #end(rest: Buffer): void {
    if (rest.length > 0) this.#keep(rest);
    this.#ended = true;
    this.#wake();
  }
}

/** What node-pty has on every system but Windows, and its types leave out. */
interface UnixPty {
  /** File descriptor of this end. */
  readonly fd: number;
  /** Path of the terminal, the command's end. */
  readonly ptsName: string;
}

/** Bytes that are kept for a slow reader before the command has to wait. */
const BUFFER_SIZE = 65_536;
const WATCH_INTERVAL_MS = 5;

/** Reads a pty whose other end is closed: its end shows as an error, EIO. */
function readToEnd(fd: number): Buffer {
  const chunks: Buffer[] = [];
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(4096);
      const length = readSync(fd, chunk);
      if (length === 0) break;
      chunks.push(chunk.subarray(0, length));
    }
  } catch {
    // EIO, or EAGAIN while something that the command left running still holds the terminal.
  }
  return Buffer.concat(chunks);
}

/** Looks a program up as the agent does, with the agent's words when it isn't found. */
function findProgram(program: string, searchPath: string, directory: string): string {
  if (program === "") throw failure("exec: no command");
  if (!program.includes("/")) {
    const found = searchPath
      .split(path.delimiter)
      .map((folder) => path.join(folder, program))
      .find((file) => whyNotExecutable(file) === undefined);
    if (!found) throw failure(`exec: ${JSON.stringify(program)}: executable file not found in $PATH`);
    return found;
  }
  const file = path.resolve(directory, program);
  const problem = whyNotExecutable(file);
  if (problem) throw failure(`fork/exec ${program}: ${problem}`);
  return file;
}

function whyNotExecutable(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) return "no such file or directory";
  try {
    if (!found.isFile()) return "permission denied";
    accessSync(file, constants.X_OK);
    return undefined;
  } catch {
    return "permission denied";
  }
}

function failure(reason: string): PtyStartFailed {
  return new PtyStartFailed(`Failed to start pty: ${reason}`);
}
