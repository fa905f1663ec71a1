import {
  partOfService,
  SERVER_PART,
  STACK_OUTPUTS,
  type StackId,
  type StageNames,
  stageAlarmNames,
  stageNames,
} from "@dbward-aws/contract";
import { namesOf, type StageSettings } from "@dbward-aws/settings";
import type { AwsClients } from "./aws-clients.ts";
import { isDenied } from "./aws-error.ts";
import { findStack } from "./stacks.ts";
import { type LiveStack, resourceIds } from "./stage-stacks.ts";
import { agentTokenOf, type TokenSecret, tokenSecrets } from "./token-secrets.ts";

/** A service of a stage. */
export interface NamedService {
  readonly kind: "server" | "agent";
  /** `server`, or the agent's name. */
  readonly name: string;
  /** Name of the ECS service. */
  readonly service: string;
  /** How many tasks the settings want. @default - the settings don't have it, or weren't read */
  readonly wanted?: number;
}

/** Physical names of a stage. */
export interface DeployedNames {
  /** ECS cluster. */
  readonly cluster: string;
  /** Whether services of others may be in the cluster. */
  readonly sharesCluster: boolean;
  readonly services: readonly NamedService[];
  readonly tokens: readonly TokenSecret[];
  /** CloudWatch alarms that may exist. */
  readonly alarms: readonly string[];
  /** CloudWatch dashboard. */
  readonly dashboard: string;
  /**
   * Log group of the poller's function.
   *
   * @default - the stack doesn't exist, or was deployed without this output
   */
  readonly pollerLogGroup?: string;
  /**
   * EventBridge rule that runs the poller.
   *
   * @default - the stack doesn't exist, or was deployed without this output
   */
  readonly pollerRule?: string;
}

/**
 * Takes the names of a stage from its stacks' resources and outputs. What no stack has is named as a
 * deployment would name it: a stage that is missing a part is missing it by name.
 *
 * @param stacks the stage's stacks; none when they could not be read
 * @param settings what should be deployed. @default - nothing but what the stacks have
 */
export function deployedNames(
  stage: string,
  stacks: readonly LiveStack[],
  settings?: StageSettings,
): DeployedNames {
  const stack = (id: StackId) => stacks.find((each) => each.id === id);
  const names = namesInCluster(
    stage,
    stack("Server")?.outputs.get(STACK_OUTPUTS.cluster) ?? (settings && namesOf(settings).cluster),
  );
  const monitoring = stack("Monitoring");
  const alarms = resourceIds(monitoring, "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm");
  const [dashboard = names.dashboard] = resourceIds(monitoring, "AWS::CloudWatch::Dashboard");
  const pollerRule = monitoring?.outputs.get(STACK_OUTPUTS.pollerRule);
  const pollerLogGroup = monitoring?.outputs.get(STACK_OUTPUTS.pollerLogGroup);
  return {
    cluster: names.cluster,
    sharesCluster: names.cluster !== stageNames(stage).cluster,
    services: services(names, stack("Server"), stack("Agents"), settings),
    tokens: tokens(stage, stack("State"), settings),
    alarms: alarms.length > 0 ? alarms : stageAlarmNames(names),
    dashboard,
    ...(pollerLogGroup === undefined ? {} : { pollerLogGroup }),
    ...(pollerRule === undefined ? {} : { pollerRule }),
  };
}

/**
 * The names of a stage, with cluster and services as they are deployed; as a deployment of the settings would name them when
 * none has been, or the caller may not see it.
 *
 * @throws AwsCallError
 */
export async function readNames(
  settings: StageSettings,
  clients: Pick<AwsClients, "cloudFormation">,
): Promise<StageNames> {
  const server = await findStack(clients, stageNames(settings.stage).stack("Server")).catch(
    (error: unknown) => {
      if (isDenied(error)) return undefined;
      throw error;
    },
  );
  const cluster = server?.Outputs?.find(({ OutputKey }) => OutputKey === STACK_OUTPUTS.cluster)?.OutputValue;
  return cluster === undefined ? namesOf(settings) : namesInCluster(settings.stage, cluster);
}

function namesInCluster(stage: string, cluster: string | undefined): StageNames {
  return stageNames(stage, cluster === stageNames(stage).cluster ? undefined : cluster);
}

const SERVICE = "AWS::ECS::Service";

function services(
  names: StageNames,
  serverStack: LiveStack | undefined,
  agentsStack: LiveStack | undefined,
  settings: StageSettings | undefined,
): NamedService[] {
  const [server = settings && names.serverService] = resourceIds(serverStack, SERVICE).map(lastPart);
  const deployed = resourceIds(agentsStack, SERVICE).map(lastPart);
  const wanted = new Map(settings?.agents.map(({ name, desiredCount }) => [name, desiredCount]));
  const agents = new Map([
    ...[...wanted.keys()].map((name): [string, string] => [name, names.agentService(name)]),
    ...deployed.map((service): [string, string] => [agentOf(names.cluster, service), service]),
  ]);
  return [
    ...(server === undefined
      ? []
      : [
          {
            kind: "server" as const,
            name: SERVER_PART,
            service: server,
            ...(settings === undefined ? {} : { wanted: 1 }),
          },
        ]),
    ...[...agents].map(([name, service]) => ({
      kind: "agent" as const,
      name,
      service,
      ...(wanted.has(name) ? { wanted: wanted.get(name)! } : {}),
    })),
  ];
}

/** Name of the agent that a service runs. */
function agentOf(cluster: string, service: string): string {
  return (partOfService(cluster, service)?.part ?? service).replace(/^agent-/, "");
}

function tokens(
  stage: string,
  state: LiveStack | undefined,
  settings: StageSettings | undefined,
): TokenSecret[] {
  const names = stageNames(stage);
  const expected = settings || state ? tokenSecrets(settings, names) : [];
  const deployed = resourceIds(state, "AWS::SecretsManager::Secret").map(secretName);
  const known = new Set(expected.map(({ secret }) => secret));
  const others = deployed.filter((secret) => !known.has(secret));
  return [...expected, ...others.flatMap((secret) => agentTokenOf(names, secret) ?? [])];
}

/** A physical id of CloudFormation is an ARN or a name: `…:service/CLUSTER/NAME`. */
function lastPart(id: string): string {
  return id.split("/").at(-1)!;
}

/** The name in a secret's ARN, which ends with a hyphen and six characters of Secrets Manager's own. */
function secretName(id: string): string {
  const name = /^arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:(.+)-[A-Za-z0-9]{6}$/.exec(id);
  return name?.[1] ?? id;
}
