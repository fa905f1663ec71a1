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
  "token-refused",
  "poller-silent",
  "poller-failing",
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

export function isAlarmId(id: string): id is AlarmId {
  return (ALARM_IDS as readonly string[]).includes(id);
}
