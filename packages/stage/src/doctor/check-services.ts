import { type Finding, subjectOf } from "../finding.ts";
import { containerLogs, describeTaskDefinition, lastLines } from "../log-groups.ts";
import { itemsOf } from "../view/part.ts";
import { describeStop, type ServiceView, type TaskView } from "../view/read-services.ts";
import type { StageView } from "../view/read-stage.ts";
import { serviceFinding } from "../view/status-findings.ts";
import type { DoctorOptions } from "./diagnose.ts";
import { type CauseContext, causeInLog, causeOfStop } from "./stop-causes.ts";

/** A reason that names a deployment or a person, not a fault. */
const ORDINARY_STOP = /Scaling activity initiated by|scaling down|UserInitiated|deployment ecs-svc/i;
/** Lines of a log that a finding shows when none of them is known. */
const SHOWN_LINES = 5;
/** A task that started less than this ago has not said yet what it lacks. */
const START_MS = 10_000;

/**
 * Why services don't run as they should: how their tasks end, what ECS reports, and what dbward itself says
 * in its log.
 */
export async function checkServices(view: StageView, options: DoctorOptions): Promise<Finding[]> {
  const found = await Promise.all(
    itemsOf(view.services).map((service) => checkService(view, service, options)),
  );
  return found.flat();
}

async function checkService(
  view: StageView,
  service: ServiceView,
  options: DoctorOptions,
): Promise<Finding[]> {
  const general = serviceFinding(view, service, options.links);
  if (general?.code === "service-scaled-down") return [general];
  const context: CauseContext = { stage: view.stage, region: view.region, subject: subjectOf(service) };
  const suspect = findSuspect(itemsOf(view.tasks).filter((task) => task.service === service.service));
  if (!general && !suspect) return [];
  const specific = await explain(service, suspect, context, options);
  if (specific) return [{ ...specific, ...(general?.link && { link: general.link }) }];
  const remedy = `Read its log: pnpm ops logs ${context.subject} --stage ${view.stage}`;
  if (general) return [service.state === "missing" ? general : { ...general, remedy }];
  if (suspect?.health !== "UNHEALTHY") return [];
  return [
    {
      code: "task-unhealthy",
      subject: context.subject,
      severity: "error",
      problem: `Task ${suspect.id} of service ${service.service} is unhealthy.`,
      evidence: [],
      remedy,
    },
  ];
}

/**
 * The newest task that is not healthy, or failed. One that failed before a healthy task started is overcome;
 * a deployment keeps the former task while the new ones fail.
 */
function findSuspect(tasks: readonly TaskView[]): TaskView | undefined {
  const healthySince = Math.max(
    0,
    ...tasks
      .filter(({ status, health }) => status === "RUNNING" && health === "HEALTHY")
      .map(({ since }) => since),
  );
  return tasks
    .filter((task) =>
      task.stop
        ? isFailed(task) && task.since > healthySince
        : task.status === "RUNNING" && task.health !== "HEALTHY" && Date.now() - task.since > START_MS,
    )
    .sort((a, b) => b.since - a.since)[0];
}

function isFailed({ stop }: TaskView): boolean {
  return stop !== undefined && !ORDINARY_STOP.test(stop.reason);
}

/** The cause by ECS's words, or else by the words of dbward. */
async function explain(
  service: ServiceView,
  task: TaskView | undefined,
  context: CauseContext,
  options: DoctorOptions,
): Promise<Finding | undefined> {
  const stop = task?.stop && describeStop(task.stop);
  const finding = { subject: context.subject, severity: "error" as const };
  const [reason, cause] = [stop, service.reason, service.event]
    .filter((text): text is string => Boolean(text))
    .map((text) => [text, causeOfStop(text, context)] as const)
    .find(([, found]) => found) ?? [undefined, undefined];
  if (reason !== undefined && cause) return { ...finding, ...cause, evidence: [reason] };
  const lines = task ? await linesOf(service, task, options) : [];
  const inLog = causeInLog(lines, context);
  if (inLog) {
    const { line, ...rest } = inLog;
    return { ...finding, ...rest, evidence: [line, ...(stop ? [stop] : [])] };
  }
  if (!stop) return undefined;
  return {
    ...finding,
    code: "task-stopped",
    problem: `The last task of service ${service.service} stopped.`,
    evidence: [stop, ...lines.slice(-SHOWN_LINES)],
    remedy: `Read its log: pnpm ops logs ${context.subject} --stage ${context.stage}`,
  };
}

/**
 * What the task's containers wrote last; nothing when it can't be read, since ECS's reason is there in any
 * case.
 */
async function linesOf(
  { taskDefinition }: ServiceView,
  { id, definition }: TaskView,
  { clients }: DoctorOptions,
): Promise<string[]> {
  try {
    const logs = containerLogs(await describeTaskDefinition(clients, definition || taskDefinition));
    return (await Promise.all(logs.map((log) => lastLines(clients, log, id)))).flat();
  } catch {
    return [];
  }
}
