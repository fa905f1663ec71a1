import { type Argv, UsageError } from "@dbward-aws/cli";
import type { StageNames } from "@dbward-aws/contract";
import type { AgentSettings, StageSettings } from "@dbward-aws/settings";

/** A service of a stage by the word that the command line has for it. */
export interface NamedService {
  /** `server`, or the agent's name. */
  readonly word: string;
  /** Name of the ECS service. */
  readonly service: string;
  /** How many tasks the settings want. */
  readonly tasks: number;
  /** Bounds between which the poller chooses the number. */
  readonly scaling?: AgentSettings["scaling"];
}

/** The stage's services: the server, then the agents. */
export function servicesOf(settings: StageSettings, names: StageNames): NamedService[] {
  return [
    { word: "server", service: names.serverService, tasks: 1 },
    ...settings.agents.map(({ name, desiredCount, scaling }) => ({
      word: name,
      service: names.agentService(name),
      tasks: desiredCount,
      ...(scaling && { scaling }),
    })),
  ];
}

/** Declares `<part> [name]`: the server, all agents, or one agent. @param more further parts */
export function servicePositionals<T>(yargs: Argv<T>, more: readonly string[] = []) {
  return yargs
    .positional("part", {
      demandOption: true,
      choices: ["server", "agent", ...more],
      describe: "The server, or agents",
    })
    .positional("name", { type: "string", describe: "One agent (default: all)" });
}

/**
 * Finds the services that `server`, `agent` or `agent NAME` mean.
 *
 * @throws UsageError when there are none
 */
export function findServices(
  part: string,
  name: string | undefined,
  settings: StageSettings,
  names: StageNames,
): NamedService[] {
  const [server, ...agents] = servicesOf(settings, names);
  if (part === "server" && name === undefined) return [server!];
  if (part === "agent") {
    const found = name === undefined ? agents : agents.filter(({ word }) => word === name);
    if (found.length > 0) return found;
  }
  const known = agents.map(({ word }) => `agent ${word}`).join(", ");
  throw new UsageError(
    `Stage ${settings.stage} has no service "${[part, name].filter(Boolean).join(" ")}".`,
    `Services: server, agent (all agents), ${known}.`,
  );
}

/**
 * Finds the one service that `server`, `agent NAME` or, in a stage with one agent, `agent` means.
 *
 * @throws UsageError when there is none or there are several
 */
export function findService(
  part: string,
  name: string | undefined,
  settings: StageSettings,
  names: StageNames,
): NamedService {
  const [service, another] = findServices(part, name, settings, names);
  if (service && !another) return service;
  throw new UsageError(
    `Stage ${settings.stage} has several agents.`,
    `Name one: ${settings.agents.map((agent) => `agent ${agent.name}`).join(", ")}.`,
  );
}
