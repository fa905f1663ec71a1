import { AGENT, SERVER } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { imageTagParts, splitImageAddress } from "@dbward-aws/settings";
import {
  describeTaskDefinition,
  type Finding,
  itemsOf,
  type ServiceView,
  type StageView,
} from "@dbward-aws/stage";
import { valid } from "semver";
import type { CommandContext } from "./command.ts";
import { tryServer } from "./server-access.ts";
import { isOlder } from "./upgrade/upgrade-stage.ts";

/** A person waits; a session usually opens in two seconds. */
const SESSION_MS = 15_000;

/**
 * Compares what the server says of its version, and of the oldest agent that it gives work, with what is
 * deployed. Tags that are not versions, such as digests, are not compared. Nothing is found of a server that is
 * being deployed or can't be reached: other findings say so.
 *
 * @param url of the server. @default - through its task
 */
export async function versionFindings(
  context: CommandContext,
  view: StageView,
  url: string | undefined,
): Promise<Finding[]> {
  const services = itemsOf(view.services).filter(({ state, running }) => state === "stable" && running > 0);
  const server = services.find(({ kind }) => kind === "server");
  if (!server) return [];
  const reached = await tryServer(context, url, SESSION_MS);
  if ("unreachable" in reached) return [];
  await reached.close();
  const { version, minAgentVersion } = reached.health;
  const agents = services.filter(({ kind }) => kind === "agent");
  try {
    const found = await Promise.all([
      serverFinding(context, view, server, version),
      ...agents.map((agent) => agentFinding(context, agent, minAgentVersion)),
    ]);
    return found.flatMap((finding) => finding ?? []);
  } catch (error) {
    if (!(error instanceof DbwardError)) throw error;
    return [
      {
        code: "versions-unknown",
        subject: "server",
        severity: "unknown",
        problem: `The server reports version ${version}; which one is deployed could not be read.`,
        evidence: [error.message],
        remedy: "Grant your identity the permission, or try again.",
      },
    ];
  }
}

async function serverFinding(
  { clients, settings: { stage } }: CommandContext,
  view: StageView,
  service: ServiceView,
  version: string,
): Promise<Finding | undefined> {
  const image = await imageOf(clients, service, SERVER.container);
  const tag = versionOf(image);
  if (tag === undefined || tag === version) return undefined;
  const deployed = service.taskDefinition.split("/").at(-1);
  const former = itemsOf(view.tasks).find(
    (task) => task.service === service.service && task.status === "RUNNING" && task.definition !== deployed,
  );
  return {
    code: "server-version",
    subject: "server",
    severity: "error",
    problem: `The server reports version ${version}, and ${tag} is deployed.`,
    evidence: [
      former
        ? `Task ${former.id} still runs ${former.definition}; ${deployed} is deployed`
        : `Its task runs what is deployed, so ${image} holds another version than its tag says: the tag was moved or belongs to another image`,
    ],
    remedy: former
      ? `Run: pnpm ops restart server --stage ${stage}`
      : `Name the tag of the version that you want, or a digest, and deploy. A tag that was moved back takes effect with: pnpm ops restart server --stage ${stage}`,
  };
}

async function agentFinding(
  { clients, settings: { stage } }: CommandContext,
  service: ServiceView,
  required: string | undefined,
): Promise<Finding | undefined> {
  const tag = versionOf(await imageOf(clients, service, AGENT.container));
  if (tag === undefined || !isOlder(tag, required)) return undefined;
  return {
    code: "agent-version",
    subject: `agent ${service.name}`,
    severity: "error",
    problem: `Agent ${service.name} runs ${tag}; the server gives work to agents of ${required} or newer only.`,
    evidence: [],
    remedy: `Run: pnpm ops upgrade ${required} --stage ${stage}`,
  };
}

/** The image that a service is deployed with. */
async function imageOf(
  clients: CommandContext["clients"],
  { taskDefinition }: ServiceView,
  container: string,
): Promise<string> {
  const { containerDefinitions = [] } = await describeTaskDefinition(clients, taskDefinition);
  return containerDefinitions.find(({ name }) => name === container)?.image ?? "";
}

/** The version in an image's tag; `undefined` when the tag is none. */
function versionOf(image: string): string | undefined {
  const { tag } = imageTagParts(splitImageAddress(image).tag);
  return tag !== undefined && valid(tag) === tag ? tag : undefined;
}
