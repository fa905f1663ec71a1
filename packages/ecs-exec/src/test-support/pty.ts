import { type ChildProcess, spawn, spawnSync } from "node:child_process";

/** Splits a command line as the exec agent does, and runs it on a terminal without a shell around it. */
const HELPER = `
import os, pty, shlex, sys
os.environ["TERM"] = "xterm-256color"
status = pty.spawn(shlex.split(sys.argv[1]))
sys.exit(os.waitstatus_to_exitcode(status))
`;

/**
 * Whether this machine can run commands on a terminal. Where tests must not be skipped, a missing tool fails
 * them.
 */
export const hasPty = spawnSync("python3", ["-c", "import pty"]).status === 0 || process.env.CI !== undefined;

/**
 * Starts a command line on a terminal of its own: its standard input and output are the terminal's other end.
 */
export function spawnOnPty(commandLine: string, environment: NodeJS.ProcessEnv = process.env): ChildProcess {
  return spawn("python3", ["-c", HELPER, commandLine], {
    stdio: ["pipe", "pipe", "inherit"],
    env: environment,
  });
}
