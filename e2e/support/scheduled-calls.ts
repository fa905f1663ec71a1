import {
  CloudWatchClient,
  DisableAlarmActionsCommand,
  EnableAlarmActionsCommand,
  SetAlarmStateCommand,
  type SetAlarmStateCommandInput,
} from "@aws-sdk/client-cloudwatch";
import { ECSClient, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import { DisableRuleCommand, EnableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { GetScheduleCommand, ListSchedulesCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { EMULATED_ACCOUNT, LOCAL_REGION } from "@dbward-aws/contract";
import type { LocalStage } from "@dbward-aws/local-cloud";

/** A schedule whose target is a call of an AWS API. */
export interface ScheduledCall {
  /** `HH:MM` of its cron expression. */
  readonly at: string;
  /** Days of week of its cron expression, or `*`. */
  readonly days: string;
  /** Such as `ecs:updateService`. */
  readonly api: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly role: string;
}

/** The schedules of a group that call AWS APIs, in the order of their times. */
export async function scheduledCalls(stage: LocalStage, group: string): Promise<ScheduledCall[]> {
  const scheduler = new SchedulerClient(stage.clientConfig());
  try {
    const { Schedules = [] } = await scheduler.send(new ListSchedulesCommand({ GroupName: group }));
    const calls = Schedules.map(async ({ Name }) => {
      const { ScheduleExpression = "", Target } = await scheduler.send(
        new GetScheduleCommand({ Name, GroupName: group }),
      );
      const [, minute = "", hour = "", days = ""] = /^cron\((\d+) (\d+) \? \* (\S+) \*\)$/.exec(
        ScheduleExpression,
      )!;
      return {
        at: `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`,
        days,
        api: Target!.Arn!.replace("arn:aws:scheduler:::aws-sdk:", ""),
        input: JSON.parse(Target!.Input ?? "{}") as Record<string, unknown>,
        role: Target!.RoleArn!,
      };
    });
    return (await Promise.all(calls)).sort((a, b) => (a.at < b.at ? -1 : 1));
  } finally {
    scheduler.destroy();
  }
}

/**
 * Makes a call as EventBridge Scheduler would: in the role of the schedule, by its trust policy and with its
 * rights. The emulated account fires no such schedule.
 */
export async function fire(
  stage: LocalStage,
  group: string,
  { api, input, role }: ScheduledCall,
): Promise<void> {
  const credentials = await stage.keysOfService(role, "scheduler.amazonaws.com", {
    "aws:SourceAccount": EMULATED_ACCOUNT,
    "aws:SourceArn": `arn:aws:scheduler:${LOCAL_REGION}:${EMULATED_ACCOUNT}:schedule-group/${group}`,
  });
  const config = { ...stage.clientConfig(), credentials, maxAttempts: 1 };
  const ecs = new ECSClient(config);
  const events = new EventBridgeClient(config);
  const cloudWatch = new CloudWatchClient(config);
  // Scheduler names every parameter with a capital.
  const { Cluster, Service, DesiredCount, Name, AlarmNames } = input as {
    Cluster: string;
    Service: string;
    DesiredCount: number;
    Name: string;
    AlarmNames: string[];
  };
  try {
    switch (api) {
      case "ecs:updateService":
        await ecs.send(
          new UpdateServiceCommand({ cluster: Cluster, service: Service, desiredCount: DesiredCount }),
        );
        break;
      case "eventbridge:disableRule":
        await events.send(new DisableRuleCommand({ Name }));
        break;
      case "eventbridge:enableRule":
        await events.send(new EnableRuleCommand({ Name }));
        break;
      case "cloudwatch:disableAlarmActions":
        await cloudWatch.send(new DisableAlarmActionsCommand({ AlarmNames }));
        break;
      case "cloudwatch:enableAlarmActions":
        await cloudWatch.send(new EnableAlarmActionsCommand({ AlarmNames }));
        break;
      case "cloudwatch:setAlarmState":
        await cloudWatch.send(new SetAlarmStateCommand(input as unknown as SetAlarmStateCommandInput));
        break;
      default:
        throw new Error(`Unknown target ${api}`);
    }
  } finally {
    for (const client of [ecs, events, cloudWatch]) client.destroy();
  }
}
