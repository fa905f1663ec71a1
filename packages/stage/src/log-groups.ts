import { GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeTaskDefinitionCommand, type TaskDefinition } from "@aws-sdk/client-ecs";
import { STACK_OUTPUTS, stageNames } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import type { AwsClients } from "./aws-clients.ts";
import { during, ifThere } from "./aws-error.ts";
import { findStack } from "./stacks.ts";
import { foreignText } from "./view/part.ts";
import { describeServices } from "./view/read-services.ts";

/** Where a container writes its log. */
export interface ContainerLog {
  readonly container: string;
  readonly group: string;
  /** Begin of the stream's name: `PREFIX/CONTAINER/TASK`. */
  readonly prefix: string;
}

/** The task definition with this ARN. @throws AwsCallError */
export async function describeTaskDefinition(
  { ecs }: Pick<AwsClients, "ecs">,
  taskDefinition: string,
): Promise<TaskDefinition> {
  const answer = await during(
    `Looking up task definition ${taskDefinition}`,
    ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition })),
  );
  return answer.taskDefinition ?? {};
}

/** Where the containers of a task definition write their logs. */
export function containerLogs({ containerDefinitions = [] }: TaskDefinition): ContainerLog[] {
  return containerDefinitions.flatMap(({ name = "", logConfiguration }) => {
    const { "awslogs-group": group, "awslogs-stream-prefix": prefix = "" } = logConfiguration?.options ?? {};
    return group === undefined ? [] : [{ container: name, group, prefix }];
  });
}

/**
 * The log groups of a service's containers.
 *
 * @throws LogGroupUnknownError when the service doesn't exist; AwsCallError
 */
export async function serviceLogGroups(
  clients: Pick<AwsClients, "ecs">,
  cluster: string,
  service: string,
): Promise<string[]> {
  const found = (await describeServices(clients, cluster, [service])).get(service);
  if (!found?.taskDefinition)
    throw new LogGroupUnknownError(`Service ${service} doesn't exist in cluster ${cluster}.`);
  const definition = await describeTaskDefinition(clients, found.taskDefinition);
  return containerLogs(definition).map(({ group }) => group);
}

const LOG_GROUP_OUTPUTS = {
  poller: STACK_OUTPUTS.pollerLogGroup,
  tokens: STACK_OUTPUTS.tokenCheckLogGroup,
  apply: STACK_OUTPUTS.applyLogGroup,
} as const;

/**
 * A function of a stage that runs on a schedule: the poller, the check of the tokens, or the one that takes changed values to the
 * tasks.
 */
export type ScheduledFunction = keyof typeof LOG_GROUP_OUTPUTS;

/**
 * The log group of a function of a stage.
 *
 * @throws LogGroupUnknownError when its stack doesn't exist, or was deployed without the output; AwsCallError
 */
export async function functionLogGroup(
  clients: Pick<AwsClients, "cloudFormation">,
  stage: string,
  of: ScheduledFunction,
): Promise<string> {
  const key = LOG_GROUP_OUTPUTS[of];
  const name = stageNames(stage).stack("Monitoring");
  const stack = await findStack(clients, name);
  const output = stack?.Outputs?.find(({ OutputKey }) => OutputKey === key);
  if (output?.OutputValue) return output.OutputValue;
  throw new LogGroupUnknownError(
    stack ? `Stack ${name} has no output ${key}.` : `Stack ${name} doesn't exist.`,
  );
}

/** What should write a log is not deployed. */
export class LogGroupUnknownError extends DbwardError {
  override readonly name = "LogGroupUnknownError";

  constructor(why: string) {
    super("log-group-unknown", `The log group is not known: ${why}`, {
      hint: "Deploy the stage, and try again.",
    });
  }
}

/** Lines of a log that are looked at. */
const LAST_LINES = 50;

/**
 * The last lines that a task's container wrote, oldest first, without colours and secrets.
 *
 * @param task id of the task
 * @throws AwsCallError
 */
export async function lastLines(
  { logs }: Pick<AwsClients, "logs">,
  { group, prefix, container }: ContainerLog,
  task: string,
): Promise<string[]> {
  const answer = await ifThere(
    `Reading log group ${group}`,
    logs.send(
      new GetLogEventsCommand({
        logGroupName: group,
        logStreamName: `${prefix}/${container}/${task}`,
        limit: LAST_LINES,
        startFromHead: false,
      }),
    ),
    "ResourceNotFoundException",
  );
  return (answer?.events ?? []).map(({ message = "" }) => foreignText(withoutColours(message)));
}

/** Colours of a terminal, which dbward writes into its log. */
function withoutColours(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a colour begins with
  return text.replace(/\u001b\[[0-9;]*m/g, "");
}
