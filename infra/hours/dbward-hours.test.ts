import { stageAlarmNames, stageNames, type WorkingHours } from "@dbward-aws/contract";
import type { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { nagFindings } from "../test-support/findings.ts";
import { agentSettings, stageSettings } from "../test-support/settings.ts";
import { stage, templates } from "../test-support/synth.ts";

const HOURS: WorkingHours = {
  timeZone: "Europe/Berlin",
  start: "08:00",
  stop: "19:00",
  days: ["MON", "TUE", "WED", "THU", "FRI"],
};
const full = { ...stageSettings().monitoring, level: "full" as const };
const { monitoring } = templates({
  hours: HOURS,
  monitoring: full,
  agents: [
    agentSettings({ desiredCount: 3 }),
    agentSettings({ name: "billing", desiredCount: 2, scaling: { min: 2, max: 5 } }),
  ],
});

interface Schedule {
  readonly id: string;
  readonly expression: string;
  /** `ecs:updateService`. */
  readonly api: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** The schedules of a template. A reference of CloudFormation in the input is its logical id. */
function schedulesOf(template: Template): Schedule[] {
  return Object.entries(template.findResources("AWS::Scheduler::Schedule")).map(([id, { Properties }]) => ({
    id,
    expression: Properties.ScheduleExpression,
    api: JSON.stringify(Properties.Target.Arn).split("aws-sdk:")[1]!.split('"')[0]!,
    input: JSON.parse(textOf(Properties.Target.Input)),
  }));
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  const { "Fn::Join": join, Ref: reference } = value as { "Fn::Join"?: [string, unknown[]]; Ref?: string };
  return join ? join[1].map(textOf).join(join[0]) : (reference ?? "reference");
}

const schedules = schedulesOf(monitoring);
const find = (api: string, input: object) =>
  schedules.filter(
    (each) => each.api === api && Object.entries(input).every(([key, value]) => each.input[key] === value),
  );

describe("a stage with working hours", () => {
  it("starts the server, then agents with their number of tasks, then messages, then the poller", () => {
    expect(find("ecs:updateService", { Service: "server", DesiredCount: 1 })).toMatchObject([
      { expression: "cron(0 8 ? * MON,TUE,WED,THU,FRI *)" },
    ]);
    expect(find("ecs:updateService", { Service: "agent-app", DesiredCount: 3 })).toMatchObject([
      { expression: "cron(3 8 ? * MON,TUE,WED,THU,FRI *)" },
    ]);
    expect(find("ecs:updateService", { Service: "agent-billing", DesiredCount: 2 })).toHaveLength(1);
    expect(find("cloudwatch:enableAlarmActions", {})).toMatchObject([
      { expression: "cron(8 8 ? * MON,TUE,WED,THU,FRI *)" },
    ]);
    expect(find("eventbridge:enableRule", {})).toMatchObject([
      { expression: "cron(10 8 ? * MON,TUE,WED,THU,FRI *)" },
    ]);
  });

  it("stops every day: poller and messages, then agents, then the server", () => {
    expect(find("eventbridge:disableRule", {})).toMatchObject([{ expression: "cron(0 19 ? * * *)" }]);
    expect(find("cloudwatch:disableAlarmActions", {})).toMatchObject([{ expression: "cron(0 19 ? * * *)" }]);
    for (const agent of ["agent-app", "agent-billing"])
      expect(find("ecs:updateService", { Service: agent, DesiredCount: 0 })).toMatchObject([
        { expression: "cron(2 19 ? * * *)" },
      ]);
    expect(find("ecs:updateService", { Service: "server", DesiredCount: 0 })).toMatchObject([
      { expression: "cron(6 19 ? * * *)" },
    ]);
  });

  it("silences the alarms that send messages about what stops, and lets them speak again", () => {
    const others = ["efs-throughput", "efs-storage", "capture-failed"].map(stageNames("test").alarm);
    const notifying = Object.values({
      ...monitoring.findResources("AWS::CloudWatch::Alarm"),
      ...monitoring.findResources("AWS::CloudWatch::CompositeAlarm"),
    })
      .filter(({ Properties }) => Properties.AlarmActions)
      .map(({ Properties }) => Properties.AlarmName)
      .filter((name) => !others.includes(name));
    expect(notifying.length).toBeGreaterThan(15);
    // One call takes 100.
    expect(notifying.length).toBeLessThan(100);
    for (const api of ["cloudwatch:disableAlarmActions", "cloudwatch:enableAlarmActions"]) {
      const [call] = find(api, {});
      expect([...(call!.input.AlarmNames as string[])].sort()).toEqual([...notifying].sort());
    }
  });

  it("begins the next day with every polled alarm that would keep its state as OK", () => {
    const names = stageNames("test");
    const kept = Object.values(monitoring.findResources("AWS::CloudWatch::Alarm"))
      .filter(({ Properties }) => Properties.TreatMissingData === "ignore")
      .map(({ Properties }) => Properties.AlarmName)
      // It looks at the file system, which is measured at night, too.
      .filter((name) => name !== names.alarm("efs-storage"));
    const settled = find("cloudwatch:setAlarmState", { StateValue: "OK" });
    expect(settled.map(({ input }) => input.AlarmName).sort()).toEqual(kept.sort());
    expect(new Set(settled.map(({ expression }) => expression))).toEqual(new Set(["cron(30 19 ? * * *)"]));
    expect(kept).toContain(names.alarm("poller-silent"));
    expect(stageAlarmNames(names)).toEqual(expect.arrayContaining(kept));
  });

  it("is in the time zone of the hours, without a window of its own", () => {
    monitoring.allResourcesProperties("AWS::Scheduler::Schedule", {
      GroupName: "dbward-test",
      ScheduleExpressionTimezone: "Europe/Berlin",
      FlexibleTimeWindow: { Mode: "OFF" },
    });
  });

  it("does so by a role that this group of schedules alone may use, for these services, this rule and these alarms", () => {
    const [role] = Object.values(monitoring.findResources("AWS::IAM::Role")).filter(({ Properties }) =>
      JSON.stringify(Properties.AssumeRolePolicyDocument).includes("scheduler.amazonaws.com"),
    );
    const [trust] = role!.Properties.AssumeRolePolicyDocument.Statement;
    expect(JSON.stringify(trust.Condition)).toContain("schedule-group/dbward-test");
    const statements = role!.Properties.Policies[0].PolicyDocument.Statement as { Resource: unknown }[];
    expect(JSON.stringify(statements)).not.toContain("*");
  });

  it("finds cdk-nag content", () => {
    expect(nagFindings(stage({ hours: HOURS }).monitoring)).toEqual([]);
  });
});

it("a stage without hours has no schedule", () => {
  templates().monitoring.resourceCountIs("AWS::Scheduler::Schedule", 0);
});

it("changes the hours without replacing anything", () => {
  const of = (hours: WorkingHours) => Object.keys(templates({ hours }).monitoring.toJSON().Resources).sort();
  expect(of({ ...HOURS, timeZone: "UTC", start: "06:00", days: ["SUN"] })).toEqual(of(HOURS));
});

it("refuses hours without room for the steps, in one message", () => {
  const build = () =>
    stage({ hours: { timeZone: "+01:00", start: "9:00", stop: "17:00", days: [] } }).monitoring;
  expect(build).toThrow(/hours\.start must be HH:MM[\s\S]*hours\.days[\s\S]*hours\.timeZone/);
  expect(() => stage({ hours: { ...HOURS, start: "18:30" } })).toThrow("at least 60 minutes");
});
