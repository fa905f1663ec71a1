import { describe, expect, it } from "vitest";
import { notificationAlarmId } from "./alarms.ts";
import { stageNames } from "./names.ts";
import { problemAlarms } from "./ringing-alarms.ts";

const names = stageNames("prod");
const alarm = (id: string, state = "ALARM") => ({ name: names.alarm(id), state });

describe("problemAlarms", () => {
  it.each([
    [
      "an alarm and the one that tells of it",
      [alarm("agents-offline"), alarm(notificationAlarmId("agents-offline"))],
      ["agents-offline"],
    ],
    [
      "a cause of an outage and the outage",
      [alarm("down"), alarm("server-unreachable")],
      ["server-unreachable"],
    ],
    ["an outage whose cause has just gone", [alarm("down"), alarm("server-unreachable", "OK")], ["down"]],
    ["signals", [alarm("quiet"), alarm("deployment-running")], []],
    ["an alarm without data", [alarm("efs-storage", "INSUFFICIENT_DATA")], []],
    ["two problems", [alarm("agents-offline"), alarm("queue-growing")], ["agents-offline", "queue-growing"]],
  ])("%s", (_case, alarms, ids) => {
    expect(problemAlarms(names, alarms)).toEqual(ids.map((id) => alarm(id)));
  });
});
