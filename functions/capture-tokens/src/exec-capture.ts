import { Deadline, describeError } from "@dbward-aws/core";
import {
  AccessDenied,
  CommandNotStarted,
  EncryptionFailed,
  ExecNotEnabled,
  InputTooLarge,
  NoWebSocket,
  ToolsMissing,
} from "@dbward-aws/ecs-exec";
import { ScriptFailed, ServerNotRunning } from "./errors.ts";
import { execScript, storedLines } from "./script/exec-script.ts";
import type { Plan } from "./script/plan.ts";
import { type Report, readReport } from "./script/report.ts";
import { awaitServerTask } from "./server-task.ts";
import { refuseSessionLogging } from "./session-logging.ts";
import type { Tools } from "./tools.ts";

/**
 * Method `exec`: one session into the server's container does everything. A session that fails is had again, in whichever task runs then, until the
 * deadline: the script gives the same tokens every time.
 *
 * @param stored tokens to ask the server about, by index; they travel by the session's standard input
 */
export async function captureByExec(
  plan: Plan,
  stored: ReadonlyMap<number, string>,
  tools: Tools,
): Promise<Report> {
  const { properties } = plan.request;
  const { deadline, logger, patience } = tools;
  if (properties.AllowSessionLogging !== "true") await refuseSessionLogging(properties.Cluster, tools.ecs);

  let lastFailure: unknown;
  const report = await deadline.until(async () => {
    const task = await awaitServerTask(properties, tools);
    try {
      const { stdout, exitCode } = await tools.exec.execute({
        cluster: properties.Cluster,
        task,
        container: properties.Container,
        script: execScript(plan),
        // Without input the script starts at once, in the second that the agent waits before it hands out any output.
        ...(stored.size > 0 && { stdin: storedLines(stored) }),
        deadline: Deadline.after(Math.min(patience.sessionMs, deadline.remaining), deadline.signal),
      });
      if (exitCode !== 0) throw new ScriptFailed(`its script ended with exit code ${exitCode}`);
      return readReport(new TextDecoder().decode(stdout), plan.request);
    } catch (error) {
      if (isHopeless(error, lastFailure)) throw error;
      lastFailure = error;
      logger.warn("capture.session-failed", { task, error });
      return undefined;
    }
  }, patience.pollMs);

  if (report) return report;
  if (lastFailure instanceof ServerNotRunning) throw lastFailure;
  throw new ScriptFailed(
    `no session succeeded before the deadline; the last one: ${describeError(lastFailure)}`,
    lastFailure,
  );
}

/** What will be the same in a minute. A task that is ending may start no command either, but that happens once. */
function isHopeless(error: unknown, before: unknown): boolean {
  if (error instanceof CommandNotStarted) return before instanceof CommandNotStarted;
  return HOPELESS.some((type) => error instanceof type);
}

const HOPELESS = [
  AccessDenied,
  EncryptionFailed,
  ExecNotEnabled,
  InputTooLarge,
  NoWebSocket,
  ToolsMissing,
] as const;
