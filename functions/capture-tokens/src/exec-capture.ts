import { randomBytes } from "node:crypto";
import { Deadline, describeError } from "@dbward-aws/core";
import {
  AccessDenied,
  CommandNotStarted,
  EncryptionFailed,
  ExecNotEnabled,
  InputTooLarge,
  NoWebSocket,
  OutputTooLarge,
  ToolsMissing,
} from "@dbward-aws/ecs-exec";
import { BadReport, ScriptFailed, ServerNotRunning } from "./errors.ts";
import type { Token } from "./request.ts";
import { type ExecScriptOptions, execScript, storedLines } from "./script/exec-script.ts";
import type { Plan } from "./script/plan.ts";
import { MAX_REPORT_BYTES, type Outcome, type Report, readReport } from "./script/report.ts";
import { awaitServerTask } from "./server-task.ts";
import { refuseSessionLogging } from "./session-logging.ts";
import type { TokenStore } from "./token-store.ts";
import type { Tools } from "./tools.ts";

/**
 * Method `exec`: a single session into the server's container. When another run for the same event has begun
 * to create tokens, this one waits until they are stored, and creates them itself when that takes longer than
 * a run needs.
 *
 * @param stored stored tokens to check with the server, by index; they are sent to the session's standard
 * input
 */
export async function captureByExec(
  plan: Plan,
  stored: ReadonlyMap<number, string>,
  store: TokenStore,
  tools: Tools,
): Promise<Report> {
  const { AllowSessionLogging, Cluster } = plan.request.properties;
  if (AllowSessionLogging !== "true") await refuseSessionLogging(Cluster, tools);

  const run = randomBytes(16).toString("hex");
  const report = await runScript(plan, stored, { run, force: false }, tools);
  const elsewhere = [...report.outcomes]
    .filter(([, { kind }]) => kind === "elsewhere")
    .map(([token]) => token);
  if (elsewhere.length === 0) return report;

  const left = await awaitOtherRun(elsewhere, store, tools);
  const outcomes = new Map<Token, Outcome>(report.outcomes);
  for (const token of elsewhere) outcomes.set(token, { kind: "stored" });
  if (left.size > 0) {
    const second = await runScript({ ...plan, missing: left }, new Map(), { run, force: true }, tools);
    for (const [token, outcome] of second.outcomes) outcomes.set(token, outcome);
  }
  return { ...report, outcomes };
}

/** @returns the tokens that the other run did not store */
async function awaitOtherRun(
  tokens: readonly Token[],
  store: TokenStore,
  { deadline, logger, patience }: Tools,
): Promise<Set<Token>> {
  logger.info("capture.other-run", { tokens: tokens.map(({ label }) => label) });
  const left = new Set(tokens);
  await Deadline.after(Math.min(patience.otherRunMs, deadline.remaining), deadline.signal).until(async () => {
    for (const token of left) if (await store.read(token)) left.delete(token);
    return left.size === 0 || undefined;
  }, patience.pollMs);
  return left;
}

/**
 * Runs the script. After a session that fails it starts another one, in the task that is running then, until
 * the deadline.
 */
async function runScript(
  plan: Plan,
  stored: ReadonlyMap<number, string>,
  options: ExecScriptOptions,
  tools: Tools,
): Promise<Report> {
  const { properties } = plan.request;
  const { deadline, logger, patience } = tools;
  let lastFailure: unknown;
  let deniedAt: number | undefined;
  const report = await deadline.until(async () => {
    const task = await awaitServerTask(properties, tools);
    try {
      const { stdout, exitCode } = await tools.exec.execute({
        cluster: properties.Cluster,
        task,
        container: properties.Container,
        script: execScript(plan, options),
        // Without input the script starts at once, within the second that the agent waits before it sends any
        // output.
        ...(stored.size > 0 && { stdin: storedLines(stored) }),
        deadline: Deadline.after(Math.min(patience.sessionMs, deadline.remaining), deadline.signal),
        maxOutputBytes: MAX_REPORT_BYTES,
      });
      if (exitCode !== 0) throw new ScriptFailed(`the script ended with exit code ${exitCode}`);
      return readReport(new TextDecoder().decode(stdout), plan.request, plan.missing);
    } catch (error) {
      if (error instanceof AccessDenied) deniedAt ??= performance.now();
      const mayTakeEffect = performance.now() - (deniedAt ?? 0) < patience.rightsMs;
      if (error instanceof AccessDenied ? !mayTakeEffect : isPermanent(error, lastFailure)) throw error;
      lastFailure = error;
      logger.warn("capture.session-failed", { task, error });
      return undefined;
    }
  }, patience.pollMs);

  if (report) return report;
  if (lastFailure instanceof ServerNotRunning) throw lastFailure;
  throw new ScriptFailed(
    `no session succeeded before the deadline; the last error: ${describeError(lastFailure)}`,
    lastFailure,
  );
}

/**
 * Errors that another try would not change. A task that is stopping may fail to start a command or cut a
 * report off, but not twice in a row.
 */
function isPermanent(error: unknown, before: unknown): boolean {
  if (error instanceof CommandNotStarted) return before instanceof CommandNotStarted;
  if (error instanceof BadReport) return before instanceof BadReport;
  return PERMANENT_ERRORS.some((type) => error instanceof type);
}

const PERMANENT_ERRORS = [
  EncryptionFailed,
  ExecNotEnabled,
  InputTooLarge,
  NoWebSocket,
  OutputTooLarge,
  ToolsMissing,
] as const;
