import type { MonitoringLevel } from "./metrics.ts";
import type { StageNames } from "./names.ts";

/** Alarms that a stage has only with a load balancer. */
const LOAD_BALANCER_ALARM_IDS = ["alb-unhealthy-hosts", "alb-5xx", "alb-latency"] as const;

/**
 * The ids of a stage's alarms. `infra/monitoring/catalogue.ts` defines what each one watches; the ids are
 * here because settings check thresholds against them, and tools use them to find alarms.
 */
export const ALARM_IDS = [
  "server-unreachable",
  "server-not-ready",
  "no-healthy-agent",
  "agents-offline",
  "agents-saturated",
  "queue-not-draining",
  "queue-growing",
  "approvals-stale",
  "resumes-stale",
  "break-glass-used",
  "token-refused",
  "stored-tokens-refused",
  "token-rotation-overdue",
  "token-check-failing",
  "poller-silent",
  "poller-failing",
  "poller-hindered",
  "apply-failing",
  "tasks-missing",
  "task-restarts",
  "server-cpu",
  "server-memory",
  "efs-throughput",
  "efs-storage",
  ...LOAD_BALANCER_ALARM_IDS,
  "capture-failed",
  "deployment-running",
] as const;
export type AlarmId = (typeof ALARM_IDS)[number];

/**
 * The alarms of the level `essential`: an outage, an agent that is lost, work that nobody does, a bypass of
 * approval, and a poller that could not report any of these.
 */
export const ESSENTIAL_ALARM_IDS = [
  "server-unreachable",
  "server-not-ready",
  "no-healthy-agent",
  "agents-offline",
  "queue-not-draining",
  "break-glass-used",
  "token-refused",
  "stored-tokens-refused",
  "token-rotation-overdue",
  "poller-silent",
  "deployment-running",
] as const satisfies readonly AlarmId[];

/** Whether a stage that is watched at this level has the alarm, if it has what the alarm is about. */
export function hasAlarm(level: MonitoringLevel, id: AlarmId): boolean {
  return level === "full" || (ESSENTIAL_ALARM_IDS as readonly AlarmId[]).includes(id);
}

/** Alarms about what can be wrong while no task runs: the file system, and deployments. */
const TASKLESS_ALARM_IDS: readonly AlarmId[] = ["efs-throughput", "efs-storage", "capture-failed"];

/** Whether the alarm with this id is about tasks, polls or the load balancer, and silent while the stage is stopped by its hours. */
export function isAlarmOfTasks(id: string): boolean {
  return !(TASKLESS_ALARM_IDS as readonly string[]).includes(id);
}

/** Whether only a stage with a load balancer has the alarm with this id. */
export function isLoadBalancerAlarm(id: string): boolean {
  return (LOAD_BALANCER_ALARM_IDS as readonly string[]).includes(id);
}

/**
 * Alarms made of other alarms: `down` of the causes of an outage, `quiet` of the reasons to suppress messages
 * about its consequences.
 */
export const COMPOSITE_ALARM_IDS = ["down", "quiet"] as const;
export type CompositeAlarmId = (typeof COMPOSITE_ALARM_IDS)[number];

/** Id of the composite alarm that sends the messages of a consequence, unless `quiet` suppresses them. */
export function notificationAlarmId(id: string): string {
  return `${id}-notification`;
}

/** Possible names of a stage's alarms, fewer than the limit of DescribeAlarms. */
export function stageAlarmNames(names: StageNames): string[] {
  return [...ALARM_IDS, ...ALARM_IDS.map(notificationAlarmId), ...COMPOSITE_ALARM_IDS].map(names.alarm);
}

/**
 * Whether an alarm belongs to this stage. With the prefix alone, the alarms of stage `prod-eu` would also
 * belong to `prod`.
 */
export function isAlarmOfStage(names: StageNames, alarmName: string): boolean {
  return stageAlarmNames(names).includes(alarmName);
}

export function isAlarmId(id: string): id is AlarmId {
  return (ALARM_IDS as readonly string[]).includes(id);
}
