import { ALARM_IDS, type AlarmId, type CompositeAlarmId, tellerAlarmId } from "./alarms.ts";
import type { StageNames } from "./names.ts";

/** An alarm, as far as its state goes. */
export interface AlarmState {
  readonly name: string;
  /** `OK`, `ALARM` or `INSUFFICIENT_DATA`. */
  readonly state: string;
}

/** Alarms that say what is going on, so that others keep quiet; nothing is wrong when they ring. */
const SIGNALS: readonly (AlarmId | CompositeAlarmId)[] = ["deployment-running", "quiet"];

/** Whether an alarm only tells of another one, whose state it repeats. */
export function isTellerAlarm(names: StageNames, alarmName: string): boolean {
  return ALARM_IDS.some((id) => names.alarm(tellerAlarmId(id)) === alarmName);
}

/**
 * The alarms in `ALARM` that stand for a problem, one alarm a problem: without signals, without those that only tell
 * of another alarm, and without `down` while one of its causes is in alarm itself.
 */
export function problemAlarms<T extends AlarmState>(names: StageNames, alarms: readonly T[]): T[] {
  const down = names.alarm("down" satisfies CompositeAlarmId);
  const signals = SIGNALS.map((id) => names.alarm(id));
  const ringing = alarms.filter(
    ({ name, state }) => state === "ALARM" && !signals.includes(name) && !isTellerAlarm(names, name),
  );
  const causes = ringing.filter(({ name }) => name !== down);
  return causes.length > 0 ? causes : ringing;
}
