import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  startHttpServer,
  type TestRequest,
  type TestServer,
} from "../../../../packages/core/src/test-support/http-server.ts";

export function newToken(): string {
  return `dbw_${randomBytes(16).toString("hex")}`;
}

/** A row of `GET /api/tokens`, with the value that is only shown once. */
interface PeerToken {
  readonly id: string;
  readonly value: string;
  readonly subject_type: "user" | "agent";
  readonly subject_id: string;
  readonly name: string;
  readonly created_at: string;
  status: "active" | "revoked";
}

type Answer = [status: number, body: object];

const FREE_PLAN_USERS = 20;
const ACTIVE_TOKENS = 5;
const NOT_FOUND: Answer = [404, { error: "not found", code: "request.not_found", hint: null }];
const refusal = (status: number, code: string, error: string): Answer => [
  status,
  { error, code, hint: null },
];

/**
 * The part of a dbward server that a capture uses: its token files, and the calls that create tokens, with the
 * answers of a real server of version 0.2.0. `e2e/capture-scripts.test.ts` runs the same scripts with whole
 * servers.
 */
export class DbwardPeer {
  readonly stateDirectory = mkdtempSync(join(tmpdir(), "dbward-state-"));
  readonly admin = newToken();
  readonly agent = newToken();
  readonly rows: PeerToken[] = [];
  readonly users = new Map<string, { status: "active" | "suspended" | "deleted"; roles: string[] }>();
  readonly roles = new Set(["cloudwatch-metrics"]);
  /** `METHOD /path` of every authenticated call. */
  readonly calls: string[] = [];
  /** Other answers, by `METHOD /path`. */
  override: (call: string) => Answer | undefined = () => undefined;
  #server!: TestServer;

  static async start(): Promise<DbwardPeer> {
    const peer = new DbwardPeer();
    for (const [id, value, type] of [
      ["admin", peer.admin, "user"],
      ["agent", peer.agent, "agent"],
    ] as const) {
      peer.users.set(id, { status: "active", roles: [] });
      peer.issue(type, id, `bootstrap-${id}`, value);
      peer.writeFile(`${id}-token`, value);
    }
    peer.#server = await startHttpServer((request, response) => peer.#serve(request, response));
    return peer;
  }

  get port(): number {
    return Number(new URL(this.#server.url).port);
  }

  writeFile(name: string, content: string): void {
    writeFileSync(join(this.stateDirectory, name), content, { mode: 0o600 });
  }

  removeFile(name: string): void {
    rmSync(join(this.stateDirectory, name));
  }

  /** The owner of a token, such as `user admin`; `undefined` when the token is not valid. */
  subjectOf(value: string | undefined): string | undefined {
    const row = this.rows.find((each) => each.value === value && each.status === "active");
    return row && `${row.subject_type} ${row.subject_id}`;
  }

  /** Subjects of all valid tokens. */
  subjects(): string[] {
    return this.rows.flatMap(({ value }) => this.subjectOf(value) ?? []).sort();
  }

  /** Every token that is or was valid here. */
  allTokens(): string[] {
    return this.rows.map(({ value }) => value);
  }

  revoke(value: string): void {
    for (const row of this.rows) if (row.value === value) row.status = "revoked";
  }

  /** @returns the new token */
  issue(subject_type: "user" | "agent", subject_id: string, name: string, value = newToken()): string {
    // With any number of decimals, and one of the two ways to write UTC.
    const serial = this.rows.length;
    const created_at = `2026-01-01T00:00:${String(serial).padStart(2, "0")}${["", ".5", ".123456789"][serial % 3]}${serial % 2 ? "Z" : "+00:00"}`;
    this.rows.push({ id: randomUUID(), value, subject_type, subject_id, name, created_at, status: "active" });
    return value;
  }

  close(): void {
    void this.#server.close();
    rmSync(this.stateDirectory, { recursive: true, force: true });
  }

  async #serve(request: TestRequest, response: ServerResponse): Promise<void> {
    const { text } = request;
    const [status, body] = this.override(`${request.method} ${request.url}`) ?? this.#answer(request, text);
    response.writeHead(status, { "content-type": "application/json", "x-dbward-version": "0.2.0" });
    response.end(JSON.stringify(body));
  }

  #answer({ method, url, headers }: TestRequest, text: string): Answer {
    if (url === "/health") return [200, { status: "ok", version: "0.2.0" }];
    const call = `${method} ${url}`;
    this.calls.push(call);
    const subject = this.subjectOf((headers.authorization ?? "").replace(/^Bearer /, ""));
    if (!subject) return [401, { error: "authentication failed", code: "unauthorized" }];
    if (subject.startsWith("agent "))
      return [403, { error: "agent tokens cannot access this endpoint", code: "forbidden" }];
    if (call === "GET /api/agents") return [200, { agents: [] }];
    if (subject !== "user admin") return [403, { error: "forbidden", code: "forbidden" }];

    const input = JSON.parse(text || "{}") as Record<string, unknown>;
    const [, id = "", verb] = /^\/api\/users\/([^/]+)(?:\/(.+))?$/.exec(url ?? "") ?? [];
    if (call === "POST /api/users") return this.#createUser(String(input.id), input.roles as string[]);
    if (call === "POST /api/tokens") return this.#createToken(String(input.subject_id), String(input.name));
    if (call === "GET /api/tokens") return [200, { tokens: this.#visible() }];
    if (method === "DELETE") return this.#deleteToken(String(url?.split("/").at(-1)));
    if (method === "PATCH" && id) return this.#setRoles(id, input.roles as string[]);
    return verb === "reissue-initial-token" ? this.#reissue(id) : NOT_FOUND;
  }

  #visible() {
    return this.rows
      .filter(({ name }) => !name.startsWith("bootstrap-"))
      .map(({ value, ...row }) => ({
        ...row,
        token_prefix: value.slice(4, 12),
        scope_ceiling: row.subject_type === "agent" ? null : { roles: ["cloudwatch-metrics"] },
        expires_at: null,
        revoked_at: null,
      }));
  }

  #createUser(id: string, roles: string[]): Answer {
    const unknown = roles.find((role) => !this.roles.has(role));
    if (unknown) return refusal(400, "validation.failed", `validation: unknown role: ${unknown}`);
    if (this.users.has(id)) return refusal(409, "request.conflict", `conflict: user '${id}' already exists`);
    const active = [...this.users.values()].filter(({ status }) => status !== "deleted");
    if (active.length >= FREE_PLAN_USERS) return refusal(402, "policy.limit_exceeded", "user limit reached");
    this.users.set(id, { status: "active", roles });
    const token = this.issue("user", id, "initial");
    return [201, { id, token, token_prefix: token.slice(4, 12), roles, groups: [] }];
  }

  #setRoles(id: string, roles: string[]): Answer {
    const user = this.users.get(id);
    if (!user) return NOT_FOUND;
    if (user.status === "deleted") return refusal(410, "request.gone", "gone: user has been deleted");
    const unknown = roles.find((role) => !this.roles.has(role));
    if (unknown) return refusal(400, "validation.failed", `validation: unknown role: ${unknown}`);
    user.roles = roles;
    return [200, { id, updated: true }];
  }

  #reissue(id: string): Answer {
    const user = this.users.get(id);
    if (!user) return NOT_FOUND;
    if (user.status === "deleted") return refusal(410, "request.gone", "gone: user has been deleted");
    if (user.status === "suspended")
      return refusal(409, "request.conflict", "conflict: cannot reissue token for suspended user");
    for (const row of this.rows) if (row.subject_id === id && row.name === "initial") row.status = "revoked";
    const token = this.issue("user", id, "initial");
    return [
      200,
      {
        reissued_token_id: randomUUID(),
        reissued_at: "2026-01-01T00:00:00.123456789+00:00",
        revoked_old_token_id: randomUUID(),
        delivery_status: "not_configured",
        delivery_channel: null,
        token,
        manual_recovery_required: true,
      },
    ];
  }

  #createToken(agent: string, name: string): Answer {
    const active = this.rows.filter((row) => row.subject_id === agent && row.status === "active");
    if (active.length >= ACTIVE_TOKENS)
      return refusal(
        400,
        "validation.failed",
        "validation: active token limit reached; revoke unused tokens first",
      );
    const token = this.issue("agent", agent, name);
    const { id } = this.rows.at(-1)!;
    return [
      201,
      { id, token, prefix: token.slice(4, 12), subject_id: agent, scope_ceiling: null, expires_at: null },
    ];
  }

  #deleteToken(id: string): Answer {
    const row = this.rows.find((each) => each.id === id && !each.name.startsWith("bootstrap-"));
    if (!row) return NOT_FOUND;
    row.status = "revoked";
    return [200, { id, revoked_at: "2026-01-01T00:00:00.123456789Z" }];
  }
}
