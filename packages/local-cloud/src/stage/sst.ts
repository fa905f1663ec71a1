import { Deadline } from "@dbward-aws/core";
import { runTool, type ToolEnd } from "@dbward-aws/local-account";
import { ToolFailed } from "./errors.ts";

/** One run of the real `sst` command line tool. */
export interface SstRun {
  readonly verb: "deploy" | "remove";
  readonly stage: string;
  /** Path of sst's script. */
  readonly sst: string;
  /** Folder to work in: a project view. */
  readonly view: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: string;
  readonly deadline: Deadline;
  readonly onLine?: (line: string) => void;
  /** Says which resources failed and why, for the error. */
  readonly failureReasons: () => Promise<readonly string[]>;
}

/** Path of the module that lets sst look at its stacks more often. */
const EAGER = new URL("../../src/stage/eager-sst.mjs", import.meta.url).href;
/** sst prints this every 5 s, without end, while a host name doesn't resolve. */
const WAITING = "Waiting for internet connection";
/** How often it may say so before it is ended. */
const PATIENCE = 3;

/**
 * Runs sst to its end.
 *
 * @throws {@link ToolFailed} `local-deploy-failed`, `local-remove-failed`, `endpoint-unresolved`
 */
export async function runSst(run: SstRun): Promise<void> {
  const waited = new AbortController();
  let waits = 0;
  const end = await runTool({
    command: process.execPath,
    args: ["--import", EAGER, run.sst, run.verb, "--stage", run.stage],
    cwd: run.view,
    env: run.env,
    log: run.log,
    deadline: Deadline.after(run.deadline.remaining, AbortSignal.any([run.deadline.signal, waited.signal])),
    onLine: (line) => {
      if (line.includes(WAITING) && ++waits >= PATIENCE) waited.abort();
      run.onLine?.(line);
    },
  });
  if (waited.signal.aborted) throw endpointUnresolved(run);
  if (end.exitCode !== 0) throw await failed(run, end);
}

function endpointUnresolved(run: SstRun): ToolFailed {
  const endpoints = Object.entries(run.env).filter(([name]) => name.startsWith("AWS_ENDPOINT_URL"));
  const list = endpoints.map(([name, value]) => `${name}=${value}`).join(", ");
  return new ToolFailed(
    "endpoint-unresolved",
    `sst ${run.verb} was waiting for a host name that does not resolve, with ${list || "no endpoint set"}.`,
    {
      hint: `Check that these endpoints are IP addresses and that the emulated account runs; ${run.log} names the calls.`,
    },
  );
}

async function failed(run: SstRun, end: ToolEnd): Promise<ToolFailed> {
  const reasons = await run.failureReasons().catch(() => []);
  const why = run.deadline.passed ? "it took too long" : `it ended with ${end.exitCode ?? "a signal"}`;
  const printed = end.lastLines.filter((line) => !STACK_LINE.test(line)).slice(-SHOWN_LINES);
  const details = reasons.length > 0 ? reasons : printed;
  return new ToolFailed(
    `local-${run.verb}-failed`,
    `sst ${run.verb} --stage ${run.stage} failed: ${why}.\n${details.map((line) => `  ${line}`).join("\n")}\n`,
    { hint: `All that it printed is in ${run.log}.` },
  );
}

const SHOWN_LINES = 12;
/** Where an error came from inside the tool says nothing to its user. */
const STACK_LINE = /^\s*(at |Trace: )/;
