import {
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
} from "@aws-sdk/client-cloudformation";
import { DescribeAlarmHistoryCommand, DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import { DescribeLogGroupsCommand, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListTaskDefinitionsCommand,
  ListTasksCommand,
} from "@aws-sdk/client-ecs";
import { ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { GetParametersByPathCommand } from "@aws-sdk/client-ssm";
import { ifThere } from "@dbward-aws/stage";
import type { Account } from "./account.ts";

/**
 * All that the account's APIs return except the values of secrets: templates, parameters, outputs
 * and events of stacks, log lines, tasks and their definitions, functions, SSM parameters, alarms. By where
 * it stands.
 */
export async function accountText(account: Account): Promise<ReadonlyMap<string, string>> {
  const parts = await Promise.all([
    stacks(account),
    logLines(account),
    containers(account),
    answer("functions", account.lambda.send(new ListFunctionsCommand({}))),
    answer(
      "parameters",
      account.ssm.send(new GetParametersByPathCommand({ Path: "/", Recursive: true, WithDecryption: true })),
    ),
    answer(
      "alarms",
      account.cloudWatch.send(new DescribeAlarmsCommand({ AlarmTypes: ["MetricAlarm", "CompositeAlarm"] })),
    ),
    answer("alarm history", account.cloudWatch.send(new DescribeAlarmHistoryCommand({}))),
  ]);
  return new Map(parts.flat());
}

type Part = readonly [where: string, text: string];

async function answer(where: string, call: Promise<unknown>): Promise<Part[]> {
  return [[where, JSON.stringify(await call)]];
}

async function stacks({ cloudFormation }: Account): Promise<Part[]> {
  const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({}));
  const parts = await Promise.all(
    Stacks.filter(({ StackStatus }) => StackStatus !== "DELETE_COMPLETE").flatMap(
      ({ StackName, ...stack }) => [
        answer(`stack ${StackName}`, Promise.resolve(stack)),
        answer(`template of ${StackName}`, cloudFormation.send(new GetTemplateCommand({ StackName }))),
        answer(`events of ${StackName}`, cloudFormation.send(new DescribeStackEventsCommand({ StackName }))),
      ],
    ),
  );
  return parts.flat();
}

async function logLines({ logs }: Account): Promise<Part[]> {
  const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({}));
  const parts = await Promise.all(
    logGroups.map(async ({ logGroupName = "" }): Promise<Part> => {
      const lines: string[] = [];
      let nextToken: string | undefined;
      do {
        const page = await logs.send(new FilterLogEventsCommand({ logGroupName, nextToken }));
        lines.push(...(page.events ?? []).map(({ message = "" }) => message));
        nextToken = page.nextToken;
      } while (nextToken);
      return [`log ${logGroupName}`, lines.join("\n")];
    }),
  );
  return parts;
}

async function containers({ ecs, names: { cluster } }: Account): Promise<Part[]> {
  const { taskDefinitionArns = [] } = await ecs.send(new ListTaskDefinitionsCommand({}));
  const listed = await Promise.all(
    (["RUNNING", "STOPPED"] as const).map((desiredStatus) =>
      ifThere(
        `Listing the tasks of ${cluster}`,
        ecs.send(new ListTasksCommand({ cluster, desiredStatus })),
        "ClusterNotFoundException",
      ),
    ),
  );
  const tasks = listed.flatMap((page) => page?.taskArns ?? []);
  const parts = await Promise.all([
    ...taskDefinitionArns.map((taskDefinition) =>
      answer(taskDefinition, ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition }))),
    ),
    ...(tasks.length > 0 ? [answer("tasks", ecs.send(new DescribeTasksCommand({ cluster, tasks })))] : []),
  ]);
  return parts.flat();
}
