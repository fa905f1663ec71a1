import { AGENT } from "@dbward-aws/contract";
import {
  type ExistingState,
  type StageInput,
  type StageVersions,
  splitImageAddress,
} from "@dbward-aws/settings";
import { valid } from "semver";
import type { StageExpressions } from "../config-file/put-stage.ts";
import type { FormerPlace } from "./find-place.ts";
import type { FormerAgent, FormerTask, HandRun } from "./hand-run.ts";

/** What the settings of a stage are made of that takes over a manual deployment. */
export interface StageSources {
  readonly stage: string;
  readonly account: string;
  readonly region: string;
  readonly found: HandRun;
  readonly place: FormerPlace;
  /** The agent, by its name, that has the token of the server's first start. */
  readonly bootstrapAgent: string | undefined;
  /** IPv4 blocks with the databases. @default - the security groups that let the agents in, or the VPC */
  readonly databaseCidrs: readonly string[];
}

/** A TOML file of a stage. */
export interface ConfigText {
  /** From the folder of dbward.config.ts, as `pnpm ops config` names it. */
  readonly path: string;
  readonly text: string;
}

const REPOSITORIES = {
  server: "ghcr.io/dbward-dev/dbward-server",
  agent: "ghcr.io/dbward-dev/dbward-agent",
};
const SIZES = { server: { cpu: 512, memoryMiB: 1024 }, agent: { cpu: 256, memoryMiB: 512 } };

/** The settings of a stage that goes on with what a manual deployment has, for {@link putStage}. */
export function stageOfHandRun(sources: StageSources, fromFiles: StageExpressions | StageVersions): object {
  const { stage, account, region, found, place, bootstrapAgent } = sources;
  const { server, agents } = found;
  const certificate = server.loadBalancer?.certificateArn;
  return {
    state: "state" in fromFiles ? fromFiles.state : stateOfHandRun(sources),
    account,
    region,
    architecture: server.architecture,
    network: {
      vpcId: place.vpcId,
      subnets: place.subnets,
      ...(certificate && { publicSubnets: place.subnets }),
    },
    storage: server.bucketName === undefined ? { backend: "local" } : { bucketName: server.bucketName },
    server: {
      image: image(server, "server", fromFiles.server),
      ...configOf(server, `config/${stage}.server.toml`),
      ...sizes(server, "server"),
      secrets: secretsOf(server),
      allowedCidrs: server.allowedCidr === undefined ? undefined : [server.allowedCidr],
      loadBalancer: certificate && {
        scheme: "internet-facing",
        certificateArn: certificate,
        allowedCidrs: server.loadBalancer?.allowedCidr ? [server.loadBalancer.allowedCidr] : undefined,
      },
    },
    agents: agents.map((agent) => ({
      name: agent.name,
      token: agent.name === bootstrapAgent ? "bootstrap" : undefined,
      image: image(agent, "agent", fromFiles.agents),
      ...configOf(agent, `config/${stage}.${agent.name}.toml`),
      ...sizes(agent, "agent"),
      secrets: secretsOf(agent),
      desiredCount: agent.tasks === 1 ? undefined : agent.tasks,
      database: {
        urlSecret: agent.secrets[AGENT.databaseUrlVariable] ?? "",
        port: agent.databasePort === 5432 ? undefined : agent.databasePort,
        ...databasePlace(sources, agent),
      },
    })),
  };
}

/** The file system that the stage takes over, as the setting `state`. */
export function stateOfHandRun({ found: { server }, place }: StageSources): ExistingState {
  return {
    fileSystemId: server.fileSystemId,
    accessPointId: server.accessPointId,
    securityGroupId: place.mountTargetGroup,
  };
}

/** The same with the texts in place of the files, for a check before these are written. */
export function stageInMemory(sources: StageSources, versions: StageVersions): StageInput {
  const texts = new Map(configTexts(sources).map(({ path, text }) => [path, text]));
  const inline = ({ configFile, ...task }: Record<string, unknown>) =>
    configFile === undefined ? task : { ...task, configToml: texts.get(String(configFile)) };
  // Without the members that are undefined.
  const input = JSON.parse(JSON.stringify(stageOfHandRun(sources, versions))) as Record<string, unknown>;
  return {
    ...input,
    server: inline(input.server as Record<string, unknown>),
    agents: (input.agents as Record<string, unknown>[]).map(inline),
  } as unknown as StageInput;
}

/** The TOML files of the stage; a configuration in SSM stays there. */
export function configTexts({ stage, found: { server, agents } }: StageSources): ConfigText[] {
  const text = ({ config }: FormerTask, path: string, change: (toml: string) => string) =>
    "toml" in config ? [{ path, text: change(config.toml) }] : [];
  return [
    ...text(server, `config/${stage}.server.toml`, withoutResultStorage),
    ...agents.flatMap((agent) => text(agent, `config/${stage}.${agent.name}.toml`, (toml) => toml)),
  ];
}

/** The templates' command drops this table, so what is in it has no effect there. */
export function withoutResultStorage(toml: string): string {
  const lines: string[] = [];
  let isLeftOut = false;
  for (const line of toml.split("\n")) {
    if (line.startsWith("[")) isLeftOut = line.trimEnd() === "[result_storage]";
    if (!isLeftOut) lines.push(line);
  }
  return lines.join("\n");
}

/** Tags for the stage: versions as they are; moving ones of dbward's own images as the version that runs. */
export function versionsOf({ server, agents }: HandRun, running: string | undefined): StageVersions {
  const pinned = ({ image }: FormerTask) => {
    const { tag } = splitImageAddress(image);
    return valid(tag) || !image.startsWith("ghcr.io/dbward-dev/") ? tag : (running ?? tag);
  };
  const [agent] = agents;
  return { server: pinned(server), agents: agent ? pinned(agent) : pinned(server) };
}

/** What has no counterpart in the stage, or another one, in words. */
export function differencesOf(sources: StageSources): string[] {
  const { found, place, databaseCidrs } = sources;
  const { server, agents } = found;
  const { loadBalancer } = server;
  return [
    "The stage has a cluster, roles, security groups and log groups of its own. What was logged stays in the old log groups.",
    `Agents find the server by Service Connect in the stage's own cluster; nothing else in cluster ${server.cluster} does any more.`,
    ...(loadBalancer === undefined
      ? []
      : [
          loadBalancer.certificateArn
            ? "The load balancer is replaced by one of the stage, which has another DNS name: change the records that point to the old one."
            : "The load balancer is not replaced: it takes plain HTTP from the internet, tokens included. Reach the server by `pnpm ops with-server` and " +
              "`pnpm ops tunnel`, or set server.loadBalancer, with a certificate.",
        ]),
    ...agents.flatMap((agent) => {
      const groups = place.databaseGroups.get(agent.name) ?? [];
      const reach =
        databaseCidrs.length > 0
          ? databaseCidrs.join(", ")
          : groups.length > 0
            ? `security group ${groups[0]}, which lets the old agent in`
            : "the blocks of the VPC, and nothing opens the database's security group to it. If the database is elsewhere, name it with --database-cidrs";
      return [
        `Agent ${agent.name} may reach port ${agent.databasePort} of every address today. In the stage it reaches ${reach}.`,
        ...(groups.length > 1 && databaseCidrs.length === 0
          ? [`Further groups let it in, and are not taken over: ${groups.slice(1).join(", ")}.`]
          : []),
      ];
    }),
    ...[server, ...agents].flatMap((task) =>
      Object.entries(task.secrets)
        .filter(([, from]) => !isSecret(from))
        .map(
          ([variable, from]) =>
            `Variable ${variable} of ${task.stack} comes from SSM parameter ${from}: put it into a secret.`,
        ),
    ),
    ...(server.bucketName === undefined
      ? []
      : [`Bucket ${server.bucketName} keeps its encryption, its policy and its expiry.`]),
  ];
}

function image(task: FormerTask, part: "server" | "agent", tag: unknown): object {
  const { repository } = splitImageAddress(task.image);
  return { tag, repository: repository === REPOSITORIES[part] ? undefined : repository };
}

function configOf({ config }: FormerTask, path: string): object {
  return "toml" in config ? { configFile: path } : { configParameter: config.parameter };
}

function sizes({ cpu, memoryMiB, rustLog }: FormerTask, part: "server" | "agent"): object {
  const usual = SIZES[part];
  return {
    ...(cpu === usual.cpu && memoryMiB === usual.memoryMiB ? {} : { cpu, memoryMiB }),
    rustLog: rustLog === "info" ? undefined : rustLog,
  };
}

/** Secrets beside those that every agent has. */
function secretsOf({ secrets }: FormerTask): object | undefined {
  const others = Object.entries(secrets).filter(
    ([variable, from]) =>
      variable !== AGENT.tokenVariable && variable !== AGENT.databaseUrlVariable && isSecret(from),
  );
  return others.length === 0 ? undefined : Object.fromEntries(others);
}

function isSecret(valueFrom: string): boolean {
  return valueFrom.includes(":secretsmanager:");
}

function databasePlace({ place, databaseCidrs }: StageSources, { name }: FormerAgent): object {
  if (databaseCidrs.length > 0) return { cidrs: databaseCidrs };
  const [group] = place.databaseGroups.get(name) ?? [];
  return group === undefined ? {} : { securityGroupId: group };
}
