import type { StageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { UsageError } from "./command.ts";

/** A service of a stage by the word that the command line has for it. */
export interface NamedService {
  /** `server`, or the agent's name. */
  readonly word: string;
  /** Name of the ECS service. */
  readonly service: string;
  readonly logGroup: string;
  /** How many tasks the settings want. */
  readonly tasks: number;
}

/** The stage's services: the server, then the agents. */
export function servicesOf(settings: StageSettings, names: StageNames): NamedService[] {
  const named = (word: string, service: string, tasks: number): NamedService => ({
    word,
    service,
    tasks,
    logGroup: names.logGroup(service),
  });
  return [
    named("server", names.serverService, 1),
    ...settings.agents.map(({ name, desiredCount }) => named(name, names.agentService(name), desiredCount)),
  ];
}

/**
 * Finds the services that the words `server`, `agent` or `agent NAME` mean.
 *
 * @throws UsageError when there are none
 */
export function findServices(
  words: readonly string[],
  settings: StageSettings,
  names: StageNames,
): NamedService[] {
  const [server, ...agents] = servicesOf(settings, names);
  const [kind, name] = words;
  if (kind === "server" && name === undefined) return [server!];
  if (kind === "agent") {
    const found = name === undefined ? agents : agents.filter(({ word }) => word === name);
    if (found.length > 0) return found;
  }
  const known = agents.map(({ word }) => `agent ${word}`).join(", ");
  throw new UsageError(
    `"${words.join(" ")}" names no service of stage ${settings.stage}.`,
    `There are: server, agent (all of them), ${known}.`,
  );
}
