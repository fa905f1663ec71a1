import { DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { DescribeAlarmHistoryCommand, DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import { DescribeTasksCommand, ListTasksCommand } from "@aws-sdk/client-ecs";
import { paginateListSecrets } from "@aws-sdk/client-secrets-manager";
import { APP_NAME, isAlarmOfStage, STACK_IDS, stageNames } from "@dbward-aws/contract";
import { describeError, redact } from "@dbward-aws/core";
import type { StageClients } from "./stage-clients.ts";

export interface AlarmView {
  readonly name: string;
  readonly kind: "metric" | "composite";
  readonly state: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly reason: string;
  readonly description: string;
}
export interface AlarmChange {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly summary: string;
  readonly reason: string;
}
export interface StackView {
  readonly name: string;
  readonly status: string;
  readonly reason: string;
}
export interface TaskView {
  readonly id: string;
  readonly service: string;
  readonly definition: string;
  readonly status: string;
  readonly health: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly stopped: string;
}
export interface SecretView {
  readonly name: string;
  /** Whether it has a value. The value itself is never read. */
  readonly captured: boolean;
  /** Milliseconds since the epoch. */
  readonly changed: number;
}

/** A list, or why it could not be read: one refused call does not empty the page. */
export type Answer<T> = { readonly items: readonly T[] } | { readonly error: string };

/** The state of a stage beside its metrics. */
export interface StageState {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly alarms: Answer<AlarmView>;
  readonly history: Answer<AlarmChange>;
  readonly stacks: Answer<StackView>;
  readonly tasks: Answer<TaskView>;
  readonly secrets: Answer<SecretView>;
}

export async function readStage(clients: StageClients, stage: string): Promise<StageState> {
  const [alarms, history, stacks, tasks, secrets] = await Promise.all([
    answer(readAlarms(clients, stage)),
    answer(readHistory(clients, stage)),
    answer(readStacks(clients, stage)),
    answer(readTasks(clients, stage)),
    answer(readSecrets(clients, stage)),
  ]);
  return { at: Date.now(), alarms, history, stacks, tasks, secrets };
}

async function answer<T>(reading: Promise<readonly T[]>): Promise<Answer<T>> {
  try {
    return { items: await reading };
  } catch (error) {
    return { error: redact(describeError(error)) };
  }
}

const millis = (date: Date | undefined) => date?.getTime() ?? 0;

async function readAlarms({ cloudWatch }: StageClients, stage: string): Promise<AlarmView[]> {
  const { MetricAlarms = [], CompositeAlarms = [] } = await cloudWatch.send(
    new DescribeAlarmsCommand({
      AlarmNamePrefix: stageNames(stage).alarm(""),
      AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
      MaxRecords: 100,
    }),
  );
  const view = (kind: AlarmView["kind"]) => (alarm: (typeof CompositeAlarms)[number]) => ({
    name: alarm.AlarmName ?? "",
    kind,
    state: alarm.StateValue ?? "INSUFFICIENT_DATA",
    since: millis(alarm.StateUpdatedTimestamp),
    reason: alarm.StateReason ?? "",
    description: alarm.AlarmDescription ?? "",
  });
  const names = stageNames(stage);
  return [...CompositeAlarms.map(view("composite")), ...MetricAlarms.map(view("metric"))].filter(({ name }) =>
    isAlarmOfStage(names, name),
  );
}

async function readHistory({ cloudWatch }: StageClients, stage: string): Promise<AlarmChange[]> {
  const { AlarmHistoryItems = [] } = await cloudWatch.send(
    new DescribeAlarmHistoryCommand({
      AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
      HistoryItemType: "StateUpdate",
      MaxRecords: 100,
      ScanBy: "TimestampDescending",
    }),
  );
  const names = stageNames(stage);
  return AlarmHistoryItems.filter(({ AlarmName = "" }) => isAlarmOfStage(names, AlarmName))
    .map((item) => ({
      name: item.AlarmName ?? "",
      at: millis(item.Timestamp),
      summary: item.HistorySummary ?? "",
      reason: reasonOf(item.HistoryData),
    }))
    .sort((a, b) => b.at - a.at);
}

/** CloudWatch gives the data of a change as JSON in a string. */
function reasonOf(data: string | undefined): string {
  try {
    const { newState } = JSON.parse(data ?? "{}") as { newState?: { stateReason?: string } };
    return newState?.stateReason ?? "";
  } catch {
    return "";
  }
}

async function readStacks({ cloudFormation }: StageClients, stage: string): Promise<StackView[]> {
  return Promise.all(
    STACK_IDS.map(async (id) => {
      const name = stageNames(stage).stack(id);
      try {
        const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
        const [stack] = Stacks ?? [];
        return { name, status: stack?.StackStatus ?? "unknown", reason: stack?.StackStatusReason ?? "" };
      } catch (error) {
        // CloudFormation has no error of its own for a stack that is not there.
        if (error instanceof Error && error.name === "ValidationError")
          return { name, status: "not deployed", reason: "" };
        throw error;
      }
    }),
  );
}

async function readTasks({ ecs }: StageClients, stage: string): Promise<TaskView[]> {
  const { cluster } = stageNames(stage);
  const lists = await Promise.all(
    (["RUNNING", "STOPPED"] as const).map((desiredStatus) =>
      ecs.send(new ListTasksCommand({ cluster, desiredStatus })),
    ),
  );
  const arns = lists.flatMap(({ taskArns = [] }) => taskArns).slice(0, 100);
  if (arns.length === 0) return [];
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: arns }));
  return tasks
    .map((task) => ({
      id: last(task.taskArn, "/"),
      service: task.group?.replace(/^service:/, "") ?? "",
      definition: last(task.taskDefinitionArn, "/"),
      status: task.lastStatus ?? "",
      health: task.healthStatus ?? "UNKNOWN",
      since: millis(task.stoppedAt ?? task.startedAt ?? task.createdAt),
      stopped: redact(task.stoppedReason ?? ""),
    }))
    .sort((a, b) => a.service.localeCompare(b.service) || b.since - a.since);
}

function last(text: string | undefined, separator: string): string {
  return text?.split(separator).at(-1) ?? "";
}

async function readSecrets({ secrets }: StageClients, stage: string): Promise<SecretView[]> {
  const found: SecretView[] = [];
  const own = `${APP_NAME}/${stage}/`;
  const pages = paginateListSecrets({ client: secrets }, { Filters: [{ Key: "name", Values: [own] }] });
  for await (const { SecretList = [] } of pages)
    for (const secret of SecretList) {
      const stages = Object.values(secret.SecretVersionsToStages ?? {}).flat();
      found.push({
        name: secret.Name ?? "",
        captured: stages.includes("AWSCURRENT"),
        changed: millis(secret.LastChangedDate),
      });
    }
  return found.filter(({ name }) => name.startsWith(own)).sort((a, b) => a.name.localeCompare(b.name));
}
