import type { AgentRecord } from "../state/records.ts";
import type { App } from "./app.ts";

/** Silence after which an agent counts as gone. */
const OFFLINE_MS = 60_000;

/** What the API calls an agent. */
export function agentStatus(
  { clock }: App,
  agent: AgentRecord,
): "healthy" | "saturated" | "draining" | "offline" {
  if (Math.floor(clock.since(agent.lastPollAt) / 1_000) * 1_000 > OFFLINE_MS) return "offline";
  if (agent.draining) return "draining";
  return isSaturated(agent) ? "saturated" : "healthy";
}

/** Whether it has as much to do as it can, gone or not. */
export function isSaturated({ inFlight, maxConcurrent }: AgentRecord): boolean {
  return inFlight >= maxConcurrent;
}
