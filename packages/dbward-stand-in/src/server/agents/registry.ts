import type { App } from "../app.ts";
import { ok, type Reply } from "../http/answer.ts";
import { type AnyRoute, route } from "../http/router.ts";
import type { AgentRecord } from "../state/records.ts";

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

/** `GET /api/agents`: a row for each subject that ever polled. */
export function agentRoutes(app: App): AnyRoute[] {
  const list = (): Reply => ok({ agents: app.store.state.agents.map((agent) => row(app, agent)) });
  return [route({ method: "GET", path: "/api/agents", permission: "metrics.view", answer: list })];
}

function row(app: App, agent: AgentRecord) {
  const status = agentStatus(app, agent);
  const isOffline = status === "offline";
  return {
    id: agent.id,
    status,
    last_poll_ago_secs: Math.max(Math.floor(app.clock.since(agent.lastPollAt) / 1_000), 0),
    in_flight: agent.inFlight,
    max_concurrent: agent.maxConcurrent,
    uptime_secs: isOffline ? 0 : agent.uptimeSecs,
    active_jobs: isOffline ? [] : agent.activeJobs,
    capabilities: { scopes: agent.scopes },
  };
}
