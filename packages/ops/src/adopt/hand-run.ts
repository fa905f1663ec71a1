import { type Parameter, paginateDescribeStacks, type Stack } from "@aws-sdk/client-cloudformation";
import type { ContainerDefinition, TaskDefinition } from "@aws-sdk/client-ecs";
import { UsageError } from "@dbward-aws/cli";
import { CONFIG_VARIABLE, STACK_IDS, stageNames } from "@dbward-aws/contract";
import {
  type AwsClients,
  describeServices,
  describeTaskDefinition,
  during,
  everyItem,
} from "@dbward-aws/stage";
import { readResources, type StackResources } from "./stack-resources.ts";

/** Stacks of a manual deployment, as the command line names them. */
export interface StackChoice {
  /** @default - the only one in the account that has its shape */
  readonly serverStack?: string | undefined;
  /** `STACK`, or `AGENT=STACK` with the name that the agent gets. @default - all agents of the server's cluster */
  readonly agentStacks: readonly string[];
  /** @default - the one that made the server's bucket, if any */
  readonly storageStack?: string | undefined;
}

/** A service of a manual deployment. */
export interface FormerService {
  readonly stack: string;
  /** Name of the cluster. */
  readonly cluster: string;
  /** Name of the service. */
  readonly service: string;
  /** Name of its container. */
  readonly container: string;
  /** How many tasks it has when it runs. */
  readonly tasks: number;
}

/** What runs in a service of a manual deployment. */
export interface FormerTask extends FormerService {
  readonly image: string;
  readonly cpu: number | undefined;
  readonly memoryMiB: number | undefined;
  readonly architecture: "arm64" | "x86_64";
  readonly rustLog: string | undefined;
  /** The text of its TOML file, or the SSM parameter that has it. */
  readonly config: { readonly toml: string } | { readonly parameter: string };
  /** Secrets in its environment, by their variables, each as ECS names it. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
}

/** The server of a manual deployment. */
export interface FormerServer extends FormerTask {
  readonly fileSystemId: string;
  readonly accessPointId: string | undefined;
  /** Bucket of the results. @default - they are on the file system */
  readonly bucketName: string | undefined;
  /** IPv4 block that may reach port 3000. */
  readonly allowedCidr: string | undefined;
  readonly loadBalancer:
    | { readonly certificateArn: string | undefined; readonly allowedCidr: string | undefined }
    | undefined;
}

/** An agent of a manual deployment. */
export interface FormerAgent extends FormerTask {
  /** The name that it gets. */
  readonly name: string;
  readonly databasePort: number;
}

/** A manual deployment: what the stacks of a server, of its agents and of its bucket have. */
export interface HandRun {
  readonly server: FormerServer;
  readonly agents: readonly FormerAgent[];
  /** All of its stacks, the server's first. */
  readonly stacks: readonly StackResources[];
}

/**
 * Finds the stacks of a manual deployment, and reads what they have. They are known by their parameters: a server has
 * `ServerConfigToml`, an agent `AgentConfigToml` and the `ClusterName` of its server.
 *
 * @throws UsageError when they aren't found, or are not of this shape; AwsCallError
 */
export async function readHandRun(clients: AwsClients, stage: string, choice: StackChoice): Promise<HandRun> {
  const own = new Set(STACK_IDS.map((id) => stageNames(stage).stack(id)));
  const all = await during(
    "Listing the stacks",
    everyItem(paginateDescribeStacks({ client: clients.cloudFormation }, {}), ({ Stacks }) => Stacks),
  );
  const stacks = all.filter(
    ({ StackName = "", StackStatus = "" }) =>
      !own.has(StackName) && !StackStatus.startsWith("DELETE_COMPLETE"),
  );
  const serverStack = findServerStack(stacks, choice.serverStack);
  const server = await readServer(clients, serverStack);
  const agents = await Promise.all(
    findAgentStacks(stacks, server.cluster, choice.agentStacks).map(({ name, stack }) =>
      readAgent(clients, stack, name, server.cluster),
    ),
  );
  const storage = findStorageStack(stacks, server.bucketName, choice.storageStack);
  const involved = [
    serverStack,
    ...agents.map(({ stack }) => stacks.find(({ StackName }) => StackName === stack)!),
    ...(storage ? [storage] : []),
  ];
  return {
    server,
    agents,
    stacks: await Promise.all(involved.map((stack) => readResources(clients, stack))),
  };
}

function findServerStack(stacks: readonly Stack[], named: string | undefined): Stack {
  if (named !== undefined) return byName(stacks, named, "--server-stack");
  const found = stacks.filter((stack) => parameterOf(stack, "ServerConfigToml") !== undefined);
  if (found.length === 1) return found[0]!;
  throw new UsageError(
    found.length === 0
      ? "No stack of this account and region has the shape of a dbward server: none has a parameter ServerConfigToml."
      : `Several stacks have the shape of a dbward server: ${namesOf(found)}.`,
    "Name the server's stack with --server-stack.",
  );
}

function findAgentStacks(
  stacks: readonly Stack[],
  cluster: string,
  named: readonly string[],
): readonly { readonly name: string; readonly stack: Stack }[] {
  if (named.length > 0)
    return named.map((word) => {
      const [stackName = "", agent] = word.split("=").reverse();
      const stack = byName(stacks, stackName, "--agent-stack");
      return { name: agent ?? (named.length === 1 ? "app" : agentName(stackName)), stack };
    });
  const found = stacks.filter(
    (stack) =>
      parameterOf(stack, "AgentConfigToml") !== undefined && parameterOf(stack, "ClusterName") === cluster,
  );
  if (found.length === 0)
    throw new UsageError(
      `No stack has the shape of an agent of cluster ${cluster}: none has the parameters AgentConfigToml and ClusterName.`,
      "Name the stack of the agent with --agent-stack.",
    );
  return found.map((stack) => ({
    name: found.length === 1 ? "app" : agentName(stack.StackName ?? ""),
    stack,
  }));
}

function findStorageStack(
  stacks: readonly Stack[],
  bucket: string | undefined,
  named: string | undefined,
): Stack | undefined {
  if (named !== undefined) return byName(stacks, named, "--storage-stack");
  return stacks.find(
    ({ Outputs = [] }) =>
      bucket !== undefined &&
      Outputs.some(({ OutputKey, OutputValue }) => OutputKey === "BucketName" && OutputValue === bucket),
  );
}

function byName(stacks: readonly Stack[], name: string, option: string): Stack {
  const found = stacks.find(({ StackName }) => StackName === name);
  if (found) return found;
  throw new UsageError(
    `There is no stack ${name} (${option}) in this account and region.`,
    `Stacks: ${namesOf(stacks) || "none"}.`,
  );
}

function namesOf(stacks: readonly Stack[]): string {
  return stacks.map(({ StackName }) => StackName).join(", ");
}

/** A stack's name as that of an agent. */
function agentName(stack: string): string {
  return stack.toLowerCase().replace(/[^a-z0-9-]/g, "-");
}

async function readServer(clients: AwsClients, stack: Stack): Promise<FormerServer> {
  const resources = await readResources(clients, stack);
  const { task, definition, container } = await readTask(clients, stack, resources, {
    toml: "ServerConfigToml",
    cluster: resources.idOf("AWS::ECS::Cluster"),
  });
  const mounted = container.mountPoints?.find(
    ({ containerPath }) => containerPath?.replace(/\/+$/, "") === "/data",
  );
  const volume = definition.volumes?.find(
    ({ name }) => name === mounted?.sourceVolume,
  )?.efsVolumeConfiguration;
  if (!volume?.fileSystemId)
    throw differently(stack, "its task has no EFS file system at /data, so there is no state to take over");
  const { accessPointId } = volume.authorizationConfig ?? {};
  const isS3 = parameterOf(stack, "ResultStorageBackend") === "s3";
  return {
    ...task,
    fileSystemId: volume.fileSystemId.split("/").at(-1)!,
    accessPointId: accessPointId?.split("/").at(-1),
    bucketName: isS3 ? parameterOf(stack, "ResultBucketName") : undefined,
    allowedCidr: parameterOf(stack, "AllowedIngressCidr"),
    loadBalancer: resources.idOf("AWS::ElasticLoadBalancingV2::LoadBalancer")
      ? {
          certificateArn: parameterOf(stack, "CertificateArn"),
          allowedCidr: parameterOf(stack, "AllowedAlbIngressCidr"),
        }
      : undefined,
  };
}

async function readAgent(
  clients: AwsClients,
  stack: Stack,
  name: string,
  cluster: string,
): Promise<FormerAgent> {
  const resources = await readResources(clients, stack);
  const { task } = await readTask(clients, stack, resources, { toml: "AgentConfigToml", cluster });
  return { ...task, name, databasePort: Number(parameterOf(stack, "DatabasePort") ?? 5432) };
}

/** @param from.toml the parameter with the text of the TOML file */
async function readTask(
  clients: AwsClients,
  stack: Stack,
  resources: StackResources,
  from: { readonly toml: string; readonly cluster: string | undefined },
) {
  const arn = resources.idOf("AWS::ECS::Service");
  if (arn === undefined) throw differently(stack, "it has no ECS service");
  const words = arn.split("/");
  const service = words.at(-1)!;
  const cluster = words.length === 3 ? words[1]! : (from.cluster?.split("/").at(-1) ?? "default");
  const found = (await describeServices(clients, cluster, [service])).get(service);
  if (!found?.taskDefinition) throw differently(stack, `its service ${service} is not in cluster ${cluster}`);
  const definition = await describeTaskDefinition(clients, found.taskDefinition);
  const [container, ...more] = definition.containerDefinitions ?? [];
  if (!container || more.length > 0)
    throw differently(stack, `the tasks of its service ${service} don't have exactly one container`);
  const secrets = Object.fromEntries(
    (container.secrets ?? []).map(({ name, valueFrom }) => [name!, valueFrom!]),
  );
  const { [CONFIG_VARIABLE]: parameter, ...others } = secrets;
  const { subnets = [], securityGroups = [] } = found.networkConfiguration?.awsvpcConfiguration ?? {};
  const task: FormerTask = {
    stack: stack.StackName ?? "",
    cluster,
    service,
    container: container.name ?? "",
    tasks: found.desiredCount || Number(parameterOf(stack, "AgentDesiredCount") ?? 1),
    image: container.image ?? "",
    cpu: numberOf(definition.cpu),
    memoryMiB: numberOf(definition.memory),
    architecture: definition.runtimePlatform?.cpuArchitecture === "ARM64" ? "arm64" : "x86_64",
    rustLog: container.environment?.find(({ name }) => name === "RUST_LOG")?.value,
    config:
      parameter === undefined
        ? { toml: textOf(stack, container, from.toml) }
        : { parameter: parameter.startsWith("arn:") ? parameter.replace(/^[^/]*:parameter/, "") : parameter },
    secrets: others,
    subnets: [...new Set([...listOf(parameterOf(stack, "SubnetIds")), ...subnets])],
    securityGroups,
  };
  return { task, definition, container };
}

/** The text in a stack's parameter; or in the command that writes it to a file, where CloudFormation doesn't show the parameter. */
function textOf(stack: Stack, { command = [] }: ContainerDefinition, parameter: string): string {
  const value = parameterOf(stack, parameter);
  if (value !== undefined && !/^\*+$/.test(value)) return value;
  const [, written] = /<< '(\w+)'\n([\s\S]*?)\n\1\n/.exec(command.at(-1) ?? "")?.slice(1) ?? [];
  if (written !== undefined) return `${written}\n`;
  throw differently(
    stack,
    `neither its parameter ${parameter} nor the command of its container has the text of the TOML file`,
  );
}

/** A parameter's value as resources get it; `undefined` when there is none, or it is empty. */
function parameterOf({ Parameters = [] }: Stack, key: string): string | undefined {
  const found = Parameters.find(({ ParameterKey }: Parameter) => ParameterKey === key);
  return found?.ResolvedValue || found?.ParameterValue || undefined;
}

function listOf(text = ""): string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);
}

function numberOf(text: TaskDefinition["cpu"]): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function differently({ StackName }: Stack, what: string): UsageError {
  return new UsageError(
    `Stack ${StackName} can't be taken over: ${what}.`,
    'Write the settings by hand: docs/operations.md, "The file system and the bucket of a manual deployment".',
  );
}
