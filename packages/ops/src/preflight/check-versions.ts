import { AGENT, type StageNames } from "@dbward-aws/contract";
import { type StageSettings, splitImageAddress } from "@dbward-aws/settings";
import { type AwsClients, describeServices, describeTaskDefinition } from "@dbward-aws/stage";
import { isOlder } from "../upgrade/upgrade-stage.ts";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

/**
 * No agent starts with a version that the server gives no work. dbward's `min_agent_version` is the version of the server
 * itself. An agent that runs with this version already was deployed before its server was upgraded: a warning, as the
 * server goes first. Tags that are not versions are not compared.
 *
 * @param names cluster and services as they are deployed
 */
export async function checkVersions(
  { server, agents }: StageSettings,
  clients: AwsClients,
  names: StageNames,
  findings: PreflightFindings,
): Promise<void> {
  const { tag: required } = server.image;
  const older = agents.filter(({ image }) => isOlder(image.tag, required));
  if (older.length === 0) return;
  const running =
    (await unlessDenied("The version of the running agents", "ecs:DescribeServices", findings, () =>
      runningTags(
        clients,
        names.cluster,
        older.map(({ name }) => names.agentService(name)),
      ),
    )) ?? new Map<string, string>();
  for (const { name, image } of older) {
    const problem = `agent ${name}: image.tag ${image.tag} is older than the server's ${required}, which gives work to agents of its own version or newer only`;
    if (running.get(names.agentService(name)) === image.tag)
      findings.warn(`${problem}: upgrade it as well, or use \`pnpm ops upgrade\``);
    else findings.refuse(`${problem}. Use ${required} or newer`);
  }
}

/** Image tags of the services' agents, by the name of the service. */
async function runningTags(
  clients: AwsClients,
  cluster: string,
  services: readonly string[],
): Promise<Map<string, string>> {
  const tags = new Map<string, string>();
  for (const [service, { taskDefinition }] of await describeServices(clients, cluster, services)) {
    if (taskDefinition === undefined) continue;
    const { containerDefinitions = [] } = await describeTaskDefinition(clients, taskDefinition);
    const image = containerDefinitions.find(({ name }) => name === AGENT.container)?.image ?? "";
    if (image !== "") tags.set(service, splitImageAddress(image).tag);
  }
  return tags;
}
