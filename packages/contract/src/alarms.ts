import type { StageNames } from "./names.ts";

/**
 * Every alarm of a stage, by its id. The catalogue in `infra/monitoring/catalogue.ts` says what each one watches;
 * the ids are here because settings check thresholds by them, and tools look alarms up by them.
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
  "token-refused",
  "poller-silent",
  "poller-failing",
  "poller-hindered",
  "tasks-missing",
  "task-restarts",
  "server-cpu",
  "server-memory",
  "efs-throughput",
  "efs-storage",
  "alb-unhealthy-hosts",
  "alb-5xx",
  "alb-latency",
  "capture-failed",
  "deployment-running",
] as const;
export type AlarmId = (typeof ALARM_IDS)[number];

/** Alarms made of other alarms: `down` of the causes of an outage, `quiet` of the reasons not to speak of its consequences. */
export const COMPOSITE_ALARM_IDS = ["down", "quiet"] as const;
export type CompositeAlarmId = (typeof COMPOSITE_ALARM_IDS)[number];

/** Id of the composite alarm that tells of a consequence, unless it is `quiet`. */
export function tellerAlarmId(id: string): string {
  return `${id}-told`;
}

/** Whether an alarm is one of this stage: by its prefix alone, those of stage `prod-eu` would be `prod`'s as well. */
export function isAlarmOfStage(names: StageNames, alarmName: string): boolean {
  return [...ALARM_IDS, ...ALARM_IDS.map(tellerAlarmId), ...COMPOSITE_ALARM_IDS].some(
    (id) => names.alarm(id) === alarmName,
  );
}

export function isAlarmId(id: string): id is AlarmId {
  return (ALARM_IDS as readonly string[]).includes(id);
}
