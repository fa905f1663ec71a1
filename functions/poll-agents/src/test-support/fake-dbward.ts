import http from "node:http";
import type { AddressInfo } from "node:net";

/** What a path answers with; `undefined` is silence. */
export type DbwardAnswer = { readonly status?: number; readonly body: unknown } | undefined;

/** A dbward server on loopback that answers as a test tells it. */
export class FakeDbward {
  /** Tokens that it takes. */
  readonly tokens = new Set<string>();
  /** Answers by path; a test puts its own in. */
  readonly answers: Record<string, () => DbwardAnswer>;
  readonly paths: string[] = [];
  readonly url: string;
  readonly #server: http.Server;

  private constructor(answers: FakeDbward["answers"], server: http.Server) {
    this.answers = answers;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#server = server.on("request", (request, response) => {
      const path = request.url ?? "";
      this.paths.push(path);
      const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
      const answer =
        path === "/ready" || this.tokens.has(token ?? "")
          ? this.answers[path]?.()
          : { status: 401, body: { error: "authentication failed", code: "unauthorized" } };
      if (!answer) return;
      response
        .writeHead(answer.status ?? 200)
        .end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
    });
  }

  static async start(answers: FakeDbward["answers"]): Promise<FakeDbward> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new FakeDbward(answers, server);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

/** A row of `/api/agents`. */
export function agentRow(id: string, changes: Readonly<Record<string, unknown>> = {}) {
  return {
    id,
    status: "healthy",
    last_poll_ago_secs: 0,
    in_flight: 1,
    max_concurrent: 4,
    uptime_secs: 12,
    active_jobs: [],
    capabilities: { scopes: [{ database: "app", environment: "production" }] },
    ...changes,
  };
}

/** Body of `/metrics` with these counts. */
export function metricsBody(counts: Readonly<Record<string, number>>): string {
  const lines = Object.entries(counts).map(
    ([status, count]) => `dbward_requests_current{status="${status}"} ${count}\n`,
  );
  return `# TYPE dbward_requests_current gauge\n${lines.join("")}# TYPE dbward_agents_active gauge\ndbward_agents_active 2\n`;
}
