import {
  describeHours,
  HOURS_STEPS,
  isTimeZone,
  MIN_HOURS_MINUTES,
  minutesOfDay,
  scheduleAt,
  stageNames,
  WEEKDAYS,
  type WorkingHours,
} from "@dbward-aws/contract";
import { ArnFormat, Aws, Duration, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as scheduler from "aws-cdk-lib/aws-scheduler";
import { Construct } from "constructs";
import type { DbwardMonitoring } from "../monitoring/dbward-monitoring.ts";
import type { MonitoredAgent } from "../monitoring/monitored-stage.ts";
import { PropProblems } from "../prop-problems.ts";
import type { DbwardServer } from "../server/dbward-server.ts";

export interface DbwardHoursProps {
  readonly hours: WorkingHours;
  readonly server: DbwardServer;
  readonly agents: readonly MonitoredAgent[];
  /** What watches the stage, and is to keep silent while it is stopped. @default - nothing watches it */
  readonly monitoring?: DbwardMonitoring;
}

/** A call that fails is repeated for this long: later it might undo what somebody has done by hand since. */
const RETRY_FOR = Duration.minutes(30);
const RETRIES = 20;

/** A call of an AWS API by EventBridge Scheduler. */
interface ScheduledCall {
  /** As EventBridge Scheduler names it: `ecs:updateService`. */
  readonly api: string;
  readonly input: object;
}

/**
 * Stops the tasks of a stage outside its working hours, and starts them again. EventBridge Scheduler calls
 * ECS, CloudWatch and EventBridge itself, so that no code runs. The stop is on every day: what somebody has
 * started by hand on a free day stops in the evening, too.
 *
 * The order, and the minutes between the steps, are {@link HOURS_STEPS}.
 */
export class DbwardHours extends Construct {
  /** Role with which EventBridge Scheduler acts. */
  readonly role: iam.Role;
  readonly group: scheduler.CfnScheduleGroup;
  readonly #hours: WorkingHours;

  /** @throws InvalidPropsError when the hours leave no room for the steps */
  constructor(scope: Construct, id: string, { hours, server, agents, monitoring }: DbwardHoursProps) {
    super(scope, id);
    this.#hours = hours;
    this.#check(hours);
    const names = stageNames(server.stage);
    this.group = new scheduler.CfnScheduleGroup(this, "Group", { name: names.scheduleGroup });
    this.role = this.#createRole({ server, agents, ...(monitoring && { monitoring }) });
    const scale = (service: string, count: number): ScheduledCall => ({
      api: "ecs:updateService",
      input: { Cluster: server.cluster.clusterArn, Service: service, DesiredCount: count },
    });

    const { stop, start } = HOURS_STEPS;
    for (const { name, serviceName, desiredCount } of agents) {
      this.#onStop(`StopAgent-${name}`, `stops agent ${name}`, stop.agents, scale(serviceName, 0));
      this.#onStart(
        `StartAgent-${name}`,
        `starts agent ${name}`,
        start.agents,
        scale(serviceName, desiredCount),
      );
    }
    this.#onStop("StopServer", "stops the server", stop.server, scale(server.serviceName, 0));
    this.#onStart("StartServer", "starts the server", start.server, scale(server.serviceName, 1));
    if (monitoring) this.#scheduleMonitoring(monitoring);
  }

  #scheduleMonitoring({ alarms, poller }: DbwardMonitoring): void {
    const { stop, start } = HOURS_STEPS;
    const rule = { Name: poller.rule.ruleName };
    const messages = { AlarmNames: alarms.notifyingOfTasks };
    this.#onStop("StopPoller", "stops the poller", stop.watch, {
      api: "eventbridge:disableRule",
      input: rule,
    });
    this.#onStop("StopMessages", "alarms send no messages", stop.watch, {
      api: "cloudwatch:disableAlarmActions",
      input: messages,
    });
    // One that rings when the day ends, or because the poller has, would not ring the next day: it tells of
    // changes alone. By this time it looks at nothing that was measured any more, and stays as it is.
    for (const alarm of alarms.keptWithoutPolls)
      this.#onStop(`Settle-${alarm}`, `${alarm} begins the next day as OK`, stop.settle, {
        api: "cloudwatch:setAlarmState",
        input: {
          AlarmName: alarm,
          StateValue: "OK",
          StateReason: "The stage is stopped by its working hours.",
        },
      });
    this.#onStart("StartMessages", "alarms send messages", start.alarms, {
      api: "cloudwatch:enableAlarmActions",
      input: messages,
    });
    this.#onStart("StartPoller", "starts the poller", start.poller, {
      api: "eventbridge:enableRule",
      input: rule,
    });
  }

  #onStop(id: string, does: string, delay: number, call: ScheduledCall): void {
    this.#schedule(id, does, scheduleAt(this.#hours.stop, delay), call);
  }

  #onStart(id: string, does: string, delay: number, call: ScheduledCall): void {
    this.#schedule(id, does, scheduleAt(this.#hours.start, delay, this.#hours.days), call);
  }

  #schedule(id: string, does: string, expression: string, { api, input }: ScheduledCall): void {
    const schedule = new scheduler.CfnSchedule(this, id, {
      groupName: this.group.name!,
      description: `dbward hours (${describeHours(this.#hours)}): ${does}`,
      scheduleExpression: expression,
      scheduleExpressionTimezone: this.#hours.timeZone,
      flexibleTimeWindow: { mode: "OFF" },
      target: {
        arn: `arn:${Aws.PARTITION}:scheduler:::aws-sdk:${api}`,
        roleArn: this.role.roleArn,
        input: Stack.of(this).toJsonString(input),
        retryPolicy: { maximumEventAgeInSeconds: RETRY_FOR.toSeconds(), maximumRetryAttempts: RETRIES },
      },
    });
    schedule.addDependency(this.group);
  }

  #createRole({ server, agents, monitoring }: Omit<DbwardHoursProps, "hours">): iam.Role {
    const stack = Stack.of(this);
    const names = stageNames(server.stage);
    const alarmArn = (name: string) =>
      stack.formatArn({
        service: "cloudwatch",
        resource: "alarm",
        resourceName: name,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      });
    const statements = [
      new iam.PolicyStatement({
        sid: "StopAndStart",
        actions: ["ecs:UpdateService"],
        resources: [server.service.serviceArn, ...agents.map(({ serviceArn }) => serviceArn)],
        conditions: { ArnEquals: { "ecs:cluster": server.cluster.clusterArn } },
      }),
    ];
    if (monitoring)
      statements.push(
        new iam.PolicyStatement({
          sid: "StopAndStartPoller",
          actions: ["events:DisableRule", "events:EnableRule"],
          resources: [monitoring.poller.rule.ruleArn],
        }),
        new iam.PolicyStatement({
          sid: "SilenceAlarms",
          actions: ["cloudwatch:DisableAlarmActions", "cloudwatch:EnableAlarmActions"],
          resources: monitoring.alarms.notifyingOfTasks.map(alarmArn),
        }),
        new iam.PolicyStatement({
          sid: "SettleAlarms",
          actions: ["cloudwatch:SetAlarmState"],
          resources: monitoring.alarms.keptWithoutPolls.map(alarmArn),
        }),
      );
    return new iam.Role(this, "Role", {
      description: `dbward ${server.stage}: working hours`,
      assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com", {
        conditions: {
          StringEquals: {
            "aws:SourceAccount": stack.account,
            "aws:SourceArn": stack.formatArn({
              service: "scheduler",
              resource: "schedule-group",
              resourceName: names.scheduleGroup,
            }),
          },
        },
      }),
      inlinePolicies: { Hours: new iam.PolicyDocument({ statements }) },
    });
  }

  #check({ timeZone, start, stop, days }: WorkingHours): void {
    const problems = new PropProblems(this);
    const [from, to] = [minutesOfDay(start), minutesOfDay(stop)];
    problems.expect(from !== undefined, "hours.start", `must be HH:MM, not ${start}`);
    problems.expect(to !== undefined, "hours.stop", `must be HH:MM, not ${stop}`);
    if (from !== undefined && to !== undefined)
      problems.expect(
        to - from >= MIN_HOURS_MINUTES && 24 * 60 - (to - from) >= MIN_HOURS_MINUTES,
        "hours",
        `must leave at least ${MIN_HOURS_MINUTES} minutes from start to stop on the same day, and from stop to the next start`,
      );
    problems.expect(
      days.length > 0 && days.every((day) => WEEKDAYS.includes(day)),
      "hours.days",
      `must be some of ${WEEKDAYS.join(", ")}`,
    );
    problems.expect(
      isTimeZone(timeZone),
      "hours.timeZone",
      `must be a time zone such as Europe/Berlin, not ${timeZone}`,
    );
    problems.throwIfAny();
  }
}
