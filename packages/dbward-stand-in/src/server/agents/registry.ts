import { agentStatus } from "../app/agent-status.ts";
import type { App } from "../app/app.ts";
import { ok, type Reply } from "../http/answer.ts";
import { type AnyRoute, route } from "../http/router.ts";
import type { AgentRecord } from "../state/records.ts";

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
