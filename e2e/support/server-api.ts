import { eventually } from "./account.ts";

async function call(url: string, token: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
  const answer = await fetch(url, {
    ...init,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  if (!answer.ok) throw new Error(`${init.method ?? "GET"} ${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}

/**
 * Makes a request that needs no approval (`POST /api/requests`), and returns its id.
 *
 * @param place @default - the database of the shipped configuration
 */
export async function createRequest(
  server: string,
  token: string,
  sql: string,
  place = { database: "app", environment: "production" },
): Promise<string> {
  const request = await call(`${server}/api/requests`, token, {
    method: "POST",
    body: JSON.stringify({ ...place, detail: sql }),
  });
  return String(request.id);
}

/** Status of a request as dbward names it, such as `dispatched` or `executed`. */
export async function requestStatus(server: string, token: string, id: string): Promise<unknown> {
  return (await call(`${server}/api/requests/${id}`, token)).status;
}

/** Waits until an agent has executed a request. */
export async function requestExecuted(
  server: string,
  token: string,
  id: string,
  milliseconds: number,
): Promise<void> {
  await eventually(
    async () => (await requestStatus(server, token, id)) === "executed" || undefined,
    milliseconds,
  );
}

/** Waits for an agent that is healthy, and returns its capabilities (`GET /api/agents`). */
export async function healthyAgentCapabilities(
  server: string,
  token: string,
  milliseconds: number,
): Promise<object> {
  return eventually(async () => {
    const { agents } = (await call(`${server}/api/agents`, token)) as {
      agents: { status: string; capabilities: object }[];
    };
    return agents.find(({ status }) => status === "healthy")?.capabilities;
  }, milliseconds);
}
