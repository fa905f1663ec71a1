import { ALARM_IDS, type AlarmId, isAlarmId } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { alarmDefinition } from "./catalogue.ts";

/** A threshold is set for an alarm that is not in the catalogue. */
export class UnknownAlarm extends DbwardError {
  override readonly name = "UnknownAlarm";

  constructor(names: readonly string[]) {
    super("unknown-alarm", `Thresholds are set for unknown alarms: ${names.join(", ")}.`, {
      hint: `The alarms are: ${ALARM_IDS.join(", ")}.`,
    });
  }
}

/**
 * The threshold of each alarm: the stage's own where it has one, else the catalogue's.
 *
 * @throws {@link UnknownAlarm} for a name that no alarm has
 */
export function resolveThresholds(own: Readonly<Record<string, number>>): (id: AlarmId) => number {
  const unknown = Object.keys(own).filter((name) => !isAlarmId(name));
  if (unknown.length > 0) throw new UnknownAlarm(unknown);
  return (id) => own[id] ?? alarmDefinition(id).threshold;
}
