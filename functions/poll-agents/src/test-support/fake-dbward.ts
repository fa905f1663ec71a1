import { startHttpServer, type TestServer } from "../../../../packages/core/src/test-support/http-server.ts";

/** The answer of a path; `undefined` for no answer at all. */
export type DbwardAnswer = { readonly status?: number; readonly body: unknown } | undefined;

/** A dbward server on loopback whose answers a test sets. */
export class FakeDbward {
  /** Tokens that it accepts. */
  readonly tokens = new Set<string>();
  /** Answers by path; a test can replace them. */
  readonly answers: Record<string, () => DbwardAnswer>;
  readonly paths: string[] = [];
  #server!: TestServer;

  private constructor(answers: FakeDbward["answers"]) {
    this.answers = answers;
  }

  static async start(answers: FakeDbward["answers"]): Promise<FakeDbward> {
    const dbward = new FakeDbward(answers);
    dbward.#server = await startHttpServer(({ url, headers }, response) => {
      dbward.paths.push(url);
      const token = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1];
      const answer =
        url === "/ready" || dbward.tokens.has(token ?? "")
          ? dbward.answers[url]?.()
          : { status: 401, body: { error: "authentication failed", code: "unauthorized" } };
      if (!answer) return;
      response
        .writeHead(answer.status ?? 200)
        .end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
    });
    return dbward;
  }

  get url(): string {
    return this.#server.url;
  }

  close(): Promise<void> {
    return this.#server.close();
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

const COUNTERS = [
  "dbward_break_glass_total",
  "dbward_break_glass_ddl_attempted_total",
  "dbward_break_glass_audit_failure_total",
  "dbward_background_panics_total",
];

/** Body of `/metrics` with these counts of requests. */
export function metricsBody(counts: Readonly<Record<string, number>>): string {
  const lines = Object.entries(counts).map(
    ([status, count]) => `dbward_requests_current{status="${status}"} ${count}\n`,
  );
  return [
    "# TYPE dbward_requests_current gauge\n",
    ...lines,
    ...COUNTERS.map((name) => `# TYPE ${name} counter\n${name} 0\n`),
    "# TYPE dbward_agents_active gauge\ndbward_agents_active 2\n",
  ].join("");
}
