import { DescribeServicesCommand, DescribeTasksCommand, ListTasksCommand } from "@aws-sdk/client-ecs";
import { type ParameterHistory, paginateGetParameterHistory } from "@aws-sdk/client-ssm";
import { CONFIG_VARIABLE, SERVER, type StageNames } from "@dbward-aws/contract";
import { emptiedSectionsOfTexts } from "@dbward-aws/dbward-config";
import type { StageSettings } from "@dbward-aws/settings";
import {
  AwsCallError,
  type AwsClients,
  describeTaskDefinition,
  during,
  findStack,
  ifThere,
} from "@dbward-aws/stage";
import type { PreflightFindings } from "./findings.ts";

/**
 * What only a server that has run before refuses: a section of server.toml that had entries and has none any more. Compares with the text
 * that the deployed server was started with.
 *
 * @param names cluster and services as they are deployed
 * @param next the text to be deployed; `undefined` when there is none
 */
export async function checkSecondStart(
  settings: StageSettings,
  clients: AwsClients,
  names: StageNames,
  next: string | undefined,
  findings: PreflightFindings,
): Promise<void> {
  if (next === undefined || !(await findStack(clients, names.stack("Server")))) return;
  try {
    const deployed = await deployedText(names, clients);
    if (deployed === undefined) return;
    const name =
      settings.server.config.source === "ssm"
        ? `SSM parameter ${settings.server.config.parameter}`
        : "server.toml";
    for (const section of emptiedSectionsOfTexts(deployed, next))
      findings.refuse(
        `${name} has no [[${section}]], but the deployed server was started with some, and dbward refuses to start after ` +
          "the last one was removed. Keep at least one entry",
      );
  } catch (error) {
    if (!(error instanceof AwsCallError)) throw error;
    findings.warn(
      `server.toml could not be compared with the deployed one, and dbward does not start when a section has lost its last entry: ` +
        error.message,
    );
  }
}

/** The server.toml of the deployed server; `undefined` when there is none. */
async function deployedText(names: StageNames, clients: AwsClients): Promise<string | undefined> {
  const { cluster, serverService } = names;
  // A first deployment that failed may have left the State stack alone.
  const described = await ifThere(
    "Looking up the server's service",
    clients.ecs.send(new DescribeServicesCommand({ cluster, services: [serverService] })),
    "ClusterNotFoundException",
  );
  const service = described?.services?.find(({ status }) => status === "ACTIVE");
  if (!service?.taskDefinition) return undefined;
  const { containerDefinitions } = await describeTaskDefinition(clients, service.taskDefinition);
  const container = containerDefinitions?.find(({ name }) => name === SERVER.container);
  const text = container?.environment?.find(({ name }) => name === CONFIG_VARIABLE)?.value;
  if (text !== undefined) return text;
  const parameter = container?.secrets?.find(({ name }) => name === CONFIG_VARIABLE)?.valueFrom;
  return parameter === undefined ? undefined : parameterText(parameterName(parameter), names, clients);
}

/** ECS takes a parameter's name or its ARN. */
function parameterName(nameOrArn: string): string {
  return nameOrArn.startsWith("arn:")
    ? nameOrArn.slice(nameOrArn.indexOf(":parameter") + ":parameter".length)
    : nameOrArn;
}

/** A parameter's text as the running task got it, or else the one before the current. */
async function parameterText(
  parameter: string,
  names: StageNames,
  clients: AwsClients,
): Promise<string | undefined> {
  const [started, versions] = await Promise.all([
    startOfServer(names, clients),
    during(`Reading the versions of SSM parameter ${parameter}`, readVersions(parameter, clients)),
  ]);
  const newestFirst = versions.sort((a, b) => (b.Version ?? 0) - (a.Version ?? 0));
  if (!started) return newestFirst[1]?.Value;
  return newestFirst.find(({ LastModifiedDate }) => LastModifiedDate && LastModifiedDate <= started)?.Value;
}

async function readVersions(parameter: string, { ssm }: AwsClients): Promise<ParameterHistory[]> {
  const versions: ParameterHistory[] = [];
  for await (const { Parameters = [] } of paginateGetParameterHistory(
    { client: ssm },
    { Name: parameter, WithDecryption: true },
  ))
    versions.push(...Parameters);
  return versions;
}

/** When the running task of the server was started. */
async function startOfServer(
  { cluster, serverService }: StageNames,
  { ecs }: AwsClients,
): Promise<Date | undefined> {
  const { taskArns = [] } = await during(
    "Listing the server's tasks",
    ecs.send(new ListTasksCommand({ cluster, serviceName: serverService, desiredStatus: "RUNNING" })),
  );
  if (taskArns.length === 0) return undefined;
  const { tasks = [] } = await during(
    "Looking up the server's task",
    ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns })),
  );
  return tasks.find(({ lastStatus }) => lastStatus === "RUNNING")?.startedAt;
}
