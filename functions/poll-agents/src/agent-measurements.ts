import { AGENT_DIMENSION, type MetricName, OTHER_AGENTS } from "@dbward-aws/contract";
import type { AgentSnapshot } from "@dbward-aws/dbward-client";
import { histogram, type Measurement, statisticSet } from "@dbward-aws/metric-publisher";
import { takesWork } from "./capacity.ts";
import { NEVER_POLLED, type StageAgents } from "./stage-agents.ts";

/** The measurements of all agents of the stage together, except the capacity. */
export function measureAgents({ agents, unexpected }: StageAgents): Measurement[] {
  const counts: Partial<Record<string, number>> = {};
  const ages: number[] = [];
  const shares: number[] = [];
  let inFlight = 0;
  let oldest: number | undefined;
  for (const agent of agents) {
    counts[agent.status] = (counts[agent.status] ?? 0) + 1;
    inFlight += agent.inFlight;
    oldest = Math.max(oldest ?? 0, agent.lastPollAgeSeconds);
    if (agent.lastPollAgeSeconds < NEVER_POLLED) ages.push(agent.lastPollAgeSeconds);
    if (takesWork(agent) && agent.maxConcurrent > 0)
      shares.push(Math.min(100, (100 * agent.inFlight) / agent.maxConcurrent));
  }
  const { healthy = 0, saturated = 0, draining = 0, offline = 0 } = counts;
  const measurements: Measurement[] = [
    { metric: "AgentsHealthy", value: healthy },
    { metric: "AgentsSaturated", value: saturated },
    { metric: "AgentsDraining", value: draining },
    { metric: "AgentsOffline", value: offline },
    { metric: "AgentsOther", value: agents.length - healthy - saturated - draining - offline },
    { metric: "AgentsUnexpected", value: unexpected },
    { metric: "AgentsInFlight", value: inFlight },
  ];
  if (oldest !== undefined) measurements.push({ metric: "OldestAgentPollAge", value: oldest });
  if (ages.length > 0) measurements.push({ metric: "AgentPollAge", value: statisticSet(ages) });
  if (shares.length > 0) measurements.push({ metric: "AgentUtilization", value: histogram(shares) });
  return measurements;
}

/**
 * The measurements of each agent: of the first `cap` agents by name, so that they are the same in each poll,
 * and of all others together.
 */
export function measureEachAgent(agents: readonly AgentSnapshot[], cap: number): Measurement[] {
  if (cap === 0) return [];
  const chosen = agents.toSorted((a, b) => (a.id < b.id ? -1 : 1)).slice(0, cap);
  const own = new Set(chosen);
  const others = agents.filter((agent) => !own.has(agent));
  const measurements = chosen.flatMap((agent) => measureGroup(agent.id, [agent]));
  return others.length === 0 ? measurements : [...measurements, ...measureGroup(OTHER_AGENTS, others)];
}

function measureGroup(name: string, agents: readonly AgentSnapshot[]): Measurement[] {
  const dimension = { name: AGENT_DIMENSION, value: name };
  const of = (metric: MetricName, value: number): Measurement => ({ metric, dimension, value });
  let [inFlight, capacity, oldest] = [0, 0, 0];
  for (const agent of agents) {
    inFlight += agent.inFlight;
    if (takesWork(agent)) capacity += agent.maxConcurrent;
    oldest = Math.max(oldest, agent.lastPollAgeSeconds);
  }
  return [of("AgentsInFlight", inFlight), of("AgentCapacity", capacity), of("OldestAgentPollAge", oldest)];
}
