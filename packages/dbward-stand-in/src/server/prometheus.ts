import { type RequestQueue, WAITING_STATES } from "./request-queue.ts";

/** Body of `GET /metrics`. */
export function metricsText(queue: RequestQueue, agents: number): string {
  const counts = queue.counts();
  return [
    "# TYPE dbward_requests_current gauge",
    ...WAITING_STATES.map((status) => `dbward_requests_current{status="${status}"} ${counts.get(status)}`),
    "# TYPE dbward_agents_active gauge",
    `dbward_agents_active ${agents}`,
    "",
  ].join("\n");
}
