import {
  isNotificationAlarm,
  isSignalAlarm,
  STACK_IDS,
  stageNames,
  type WorkingHours,
} from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import type { AwsClients } from "../aws-clients.ts";
import { deployedNames } from "../deployed-names.ts";
import { firstFailure } from "../stacks.ts";
import { type LiveStack, liveStacks } from "../stage-stacks.ts";
import { foreignText, type Part, readPart } from "./part.ts";
import { type AlarmChange, type AlarmView, readAlarms, readHistory } from "./read-alarms.ts";
import { type MetricView, readMetrics } from "./read-metrics.ts";
import { readServices, readTasks, type ServiceView, type TaskView } from "./read-services.ts";
import { readToken, type TokenView } from "./read-tokens.ts";

/** The clients that a stage is read with. */
export type StageClients = Pick<AwsClients, "cloudFormation" | "cloudWatch" | "ecs" | "secrets">;

/** A stack of a stage. */
export interface StackView {
  readonly name: string;
  /** ARN; the name when the stack doesn't exist. */
  readonly id: string;
  /** CloudFormation's status, or `missing`. */
  readonly status: string;
  /** The failure that the status follows from, or empty. */
  readonly reason: string;
}

/** A deployed stage as AWS has it. It never carries the value of a secret. */
export interface StageView {
  readonly stage: string;
  readonly region: string;
  /** Name of its ECS cluster. */
  readonly cluster: string;
  /** When it was read, in milliseconds since the epoch. */
  readonly at: number;
  /** Hours in which the stage runs. @default - always, or the settings weren't read */
  readonly hours?: WorkingHours;
  readonly stacks: Part<StackView>;
  readonly services: Part<ServiceView>;
  readonly tasks: Part<TaskView>;
  readonly tokens: Part<TokenView>;
  readonly alarms: Part<AlarmView>;
  readonly history: Part<AlarmChange>;
  readonly metrics: Part<MetricView>;
}

/** Which stage is read, and what should be there. */
export interface StageReadOptions {
  readonly stage: string;
  /**
   * What should be deployed: a service or token that it names and AWS doesn't have is `missing`.
   *
   * @default - nothing is missed
   */
  readonly settings?: StageSettings | undefined;
}

/**
 * Reads a stage: each part once and on its own, so that a call that is denied or fails makes one part
 * unknown. Without the right to read the stacks the other parts are looked up by the names that a deployment
 * gives.
 */
export async function readStage(
  clients: StageClients,
  { stage, settings }: StageReadOptions,
): Promise<StageView> {
  const reading = liveStacks(stage, clients);
  const stacks = readPart(reading.then((live) => stackViews(clients, stage, live)));
  const live = await reading.catch(() => []);
  const names = deployedNames(stage, live, settings);
  const byContract = stageNames(stage);
  // An alarm that repeats another one, or says that a deployment runs, would show each problem several times.
  const telling = names.alarms.filter(
    (name) => !isNotificationAlarm(byContract, name) && !isSignalAlarm(byContract, name),
  );
  const [services, tasks, tokens, alarms, history, metrics] = await Promise.all([
    readPart(readServices(clients, names.cluster, names.services)),
    readPart(readTasks(clients, names)),
    readPart(Promise.all(names.tokens.map((token) => readToken(clients, token)))),
    readPart(readAlarms(clients, names.alarms)),
    readPart(readHistory(clients, telling)),
    readPart(readMetrics(clients, stage)),
  ]);
  return {
    stage,
    cluster: names.cluster,
    region: await clients.cloudFormation.config.region(),
    at: Date.now(),
    ...(settings?.hours && { hours: settings.hours }),
    stacks: await stacks,
    services,
    tasks,
    tokens,
    alarms,
    history,
    metrics,
  };
}

function stackViews(clients: StageClients, stage: string, live: readonly LiveStack[]): Promise<StackView[]> {
  return Promise.all(
    STACK_IDS.map(async (id): Promise<StackView> => {
      const name = stageNames(stage).stack(id);
      const found = live.find((each) => each.id === id);
      if (!found) return { name, id: name, status: "missing", reason: "" };
      const { arn, status } = found;
      // Events that can't be read leave the status as it is.
      const reason = /FAILED|ROLLBACK/.test(status)
        ? await firstFailure(clients, { StackName: name, StackId: arn }).catch(() => "")
        : "";
      return { name, id: arn, status, reason: foreignText(reason.replace(/^: /, "")) };
    }),
  );
}
