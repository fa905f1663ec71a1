import { ALARM_IDS, type AlarmId, type CompositeAlarmId, notificationAlarmId } from "./alarms.ts";
import type { StageNames } from "./names.ts";

/** An alarm and its state. */
export interface AlarmState {
  readonly name: string;
  /** `OK`, `ALARM` or `INSUFFICIENT_DATA`. */
  readonly state: string;
}

/** Alarms that suppress others. When they are in alarm, nothing is wrong. */
const SIGNALS: readonly (AlarmId | CompositeAlarmId)[] = ["deployment-running", "quiet"];

/** Whether an alarm only says what is going on: nothing is wrong while it is in `ALARM`. */
export function isSignalAlarm(names: StageNames, alarmName: string): boolean {
  return SIGNALS.some((id) => names.alarm(id) === alarmName);
}

/** Whether an alarm only sends the messages of another one, whose state it repeats. */
export function isNotificationAlarm(names: StageNames, alarmName: string): boolean {
  return ALARM_IDS.some((id) => names.alarm(notificationAlarmId(id)) === alarmName);
}

/**
 * The alarms in `ALARM` that stand for a problem, one alarm a problem: without signals, without those that
 * only send another alarm's messages, and without `down` while one of its causes is in alarm itself.
 */
export function problemAlarms<T extends AlarmState>(names: StageNames, alarms: readonly T[]): T[] {
  const down = names.alarm("down" satisfies CompositeAlarmId);
  const ringing = alarms.filter(
    ({ name, state }) =>
      state === "ALARM" && !isSignalAlarm(names, name) && !isNotificationAlarm(names, name),
  );
  const causes = ringing.filter(({ name }) => name !== down);
  return causes.length > 0 ? causes : ringing;
}
