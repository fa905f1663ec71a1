import {
  type AlarmHistoryItem,
  type CompositeAlarm,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  type MetricAlarm,
} from "@aws-sdk/client-cloudwatch";
import { z } from "zod";
import type { AwsClients } from "../aws-clients.ts";
import { during } from "../aws-error.ts";
import { foreignText, millis } from "./part.ts";

type CloudWatchClients = Pick<AwsClients, "cloudWatch">;

/** An alarm of a stage. */
export interface AlarmView {
  readonly name: string;
  readonly kind: "metric" | "composite";
  /** `OK`, `ALARM` or `INSUFFICIENT_DATA`. */
  readonly state: string;
  /** When it came into this state, in milliseconds since the epoch. */
  readonly since: number;
  readonly reason: string;
  readonly description: string;
  /** Whether it has receivers, and its messages to them are off. */
  readonly isSilenced: boolean;
}

/** A change of an alarm's state. */
export interface AlarmChange {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** States before and after; empty when CloudWatch's answer doesn't name them. */
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

/** `DescribeAlarms` takes this many names. */
const NAMES_A_CALL = 100;

/**
 * The alarms with these names that exist, composite ones first.
 *
 * @throws AwsCallError
 */
export async function readAlarms(
  { cloudWatch }: CloudWatchClients,
  names: readonly string[],
): Promise<AlarmView[]> {
  const composites: CompositeAlarm[] = [];
  const metrics: MetricAlarm[] = [];
  for (let at = 0; at < names.length; at += NAMES_A_CALL) {
    const answer = await during(
      "Looking up the alarms",
      cloudWatch.send(
        new DescribeAlarmsCommand({
          AlarmNames: names.slice(at, at + NAMES_A_CALL),
          AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
          MaxRecords: NAMES_A_CALL,
        }),
      ),
    );
    composites.push(...(answer.CompositeAlarms ?? []));
    metrics.push(...(answer.MetricAlarms ?? []));
  }
  const view =
    (kind: AlarmView["kind"]) =>
    (alarm: CompositeAlarm): AlarmView => ({
      name: alarm.AlarmName ?? "",
      kind,
      state: alarm.StateValue ?? "INSUFFICIENT_DATA",
      since: millis(alarm.StateUpdatedTimestamp),
      reason: foreignText(alarm.StateReason),
      description: alarm.AlarmDescription ?? "",
      isSilenced: alarm.ActionsEnabled === false && (alarm.AlarmActions ?? []).length > 0,
    });
  const asked = new Set(names);
  return [...composites.map(view("composite")), ...metrics.map(view("metric"))].filter(({ name }) =>
    asked.has(name),
  );
}

/** Changes that one call answers at most. */
const MAX_CHANGES = 100;

/**
 * The last changes of these alarms, the newest first, without those that say nothing of the stage: an alarm
 * begins in INSUFFICIENT_DATA and goes to OK, also when it had no data for some time.
 *
 * @throws AwsCallError
 */
export async function readHistory(
  { cloudWatch }: CloudWatchClients,
  names: readonly string[],
): Promise<AlarmChange[]> {
  const { AlarmHistoryItems = [] } = await during(
    "Reading the history of the alarms",
    cloudWatch.send(
      new DescribeAlarmHistoryCommand({
        AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
        HistoryItemType: "StateUpdate",
        MaxRecords: MAX_CHANGES,
        ScanBy: "TimestampDescending",
      }),
    ),
  );
  const own = new Set(names);
  return AlarmHistoryItems.filter(({ AlarmName = "" }) => own.has(AlarmName))
    .map(alarmChange)
    .filter(({ from, to }) => from === "ALARM" || to === "ALARM" || to === "")
    .sort((a, b) => b.at - a.at);
}

const historyData = z.object({
  oldState: z.object({ stateValue: z.string() }).optional(),
  newState: z.object({ stateValue: z.string(), stateReason: z.string().optional() }),
});

/** CloudWatch gives the data of a change as JSON in a string. */
function alarmChange({
  AlarmName = "",
  Timestamp,
  HistoryData,
  HistorySummary,
}: AlarmHistoryItem): AlarmChange {
  const change = { name: AlarmName, at: millis(Timestamp) };
  const { data } = historyData.safeParse(parsed(HistoryData));
  const { 1: from = "", 2: to = "" } = /from (\w+) to (\w+)/.exec(HistorySummary ?? "") ?? [];
  return data
    ? {
        ...change,
        from: data.oldState?.stateValue ?? from,
        to: data.newState.stateValue,
        reason: foreignText(data.newState.stateReason),
      }
    : { ...change, from, to, reason: "" };
}

function parsed(text = ""): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
