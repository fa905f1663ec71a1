import type { Answer, Api } from "./api.ts";
import { expectStatus } from "./server.ts";

/** What an agent that serves `app` in both environments says of itself. */
export const CAPABILITIES = {
  scopes: [
    { database: "app", environment: "production" },
    { database: "app", environment: "staging" },
  ],
};

/** An agent's report of its load, idle unless `more` says otherwise. */
export function report(more: object = {}): object {
  return {
    in_flight: 0,
    in_flight_preflight: 0,
    max_concurrent: 2,
    draining: false,
    uptime_secs: 17,
    active_jobs: [],
    ...more,
  };
}

/** Polls as an agent of this version does. */
export function poll(agent: Api, more: object = {}): Promise<Answer> {
  return agent.post("/api/agent/poll", {
    capabilities: CAPABILITIES,
    limit: 10,
    agent_version: "0.2.0",
    status: report(),
    ...more,
  });
}

/** Mints a token for an agent. @returns its calls */
export async function mintAgent(
  admin: Api,
  subject: string,
  more: object = {},
): Promise<Api & { readonly id: string }> {
  const made = expectStatus(
    await admin.post("/api/tokens", { subject_id: subject, subject_type: "agent", ...more }),
    201,
  );
  return Object.assign(admin.as(made.token as string), { id: made.id as string });
}

/** Takes a request that was dispatched. @returns the answer of the claim */
export async function claim(agent: Api, requestId: string): Promise<{ readonly execution_id: string }> {
  return expectStatus(await agent.post(`/api/agent/jobs/${requestId}/claim`), 200) as {
    execution_id: string;
  };
}

/**
 * Polls, takes a request and reports a result for it, as an agent that has executed it.
 * @returns the id of the execution
 */
export async function execute(agent: Api, requestId: string, result: object): Promise<string> {
  expectStatus(await poll(agent), 200);
  const { execution_id } = await claim(agent, requestId);
  expectStatus(await agent.post(`/api/agent/jobs/${execution_id}/result`, result), 200);
  return execution_id;
}

/** What an agent reports for `select 1 as one`. */
export const ONE_ROW = {
  success: true,
  result_data: JSON.stringify({ rows: [{ one: 1 }], truncated: false, truncation_reason: null }),
};
