import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { DbwardError } from "@dbward-aws/core";

/** A program of this machine could not be started. */
export class ProgramNotStartedError extends DbwardError {
  override readonly name = "ProgramNotStartedError";

  constructor(program: string, cause: NodeJS.ErrnoException) {
    super("program-not-started", `Starting ${program} failed: ${cause.code ?? cause.message}.`, {
      cause,
      hint:
        cause.code === "ENOENT" ? "Check that it is installed and on the PATH." : "Check its permissions.",
    });
  }
}

/** Signals that are passed on. On a terminal Ctrl-C and Ctrl-\ reach the program by themselves. */
const SIGNALS = ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"] as const;
const FROM_TERMINAL: readonly string[] = ["SIGINT", "SIGQUIT"];

/** How {@link runProgramHere} runs a program. */
export interface ProgramOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Working directory. @default - that of this process */
  readonly cwd?: string;
  /** Where its output goes. @default "stdout" */
  readonly output?: "stdout" | "stderr";
}

/**
 * Runs a program on this terminal, and passes signals on to it.
 *
 * @returns its exit code; 128 and the signal's number when a signal ended it, as in a shell
 * @throws ProgramNotStartedError
 */
export async function runProgramHere(
  [program, ...args]: readonly [string, ...string[]],
  { env = process.env, cwd, output = "stdout" }: ProgramOptions = {},
): Promise<number> {
  const stdout = output === "stdout" ? "inherit" : 2;
  let child: ChildProcess | undefined;
  const pass = (signal: NodeJS.Signals) => {
    if (!(process.stdin.isTTY && FROM_TERMINAL.includes(signal))) child?.kill(signal);
  };
  // Before the program starts: a signal that arrives while it starts must not end this process alone.
  for (const signal of SIGNALS) process.on(signal, pass);
  try {
    return await new Promise<number>((resolve, reject) => {
      child = spawn(program, args, { stdio: ["inherit", stdout, "inherit"], env, cwd });
      child.once("error", (error) => reject(new ProgramNotStartedError(program, error)));
      child.once("close", (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
    });
  } finally {
    for (const signal of SIGNALS) process.off(signal, pass);
  }
}
