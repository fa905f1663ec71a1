import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function newToken(): string {
  return `dbw_${randomBytes(16).toString("hex")}`;
}

/** The part of a dbward server that a capture meets: its token files, and the calls that make tokens. */
export class DbwardPeer {
  readonly stateDirectory = mkdtempSync(join(tmpdir(), "dbward-state-"));
  readonly admin = newToken();
  readonly agent = newToken();
  /** Valid tokens and whose they are. */
  readonly tokens = new Map<string, string>([
    [this.admin, "user admin"],
    [this.agent, "agent agent"],
  ]);
  readonly users = new Set<string>();
  readonly roles = new Set(["cloudwatch-metrics"]);
  /** `METHOD /path` of every authenticated call. */
  readonly calls: string[] = [];
  readonly #server: Server = createServer((request, response) => void this.#serve(request, response));

  static async start(): Promise<DbwardPeer> {
    const peer = new DbwardPeer();
    peer.writeFile("admin-token", peer.admin);
    peer.writeFile("agent-token", peer.agent);
    peer.#server.listen(0, "127.0.0.1");
    await once(peer.#server, "listening");
    return peer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  writeFile(name: string, content: string): void {
    writeFileSync(join(this.stateDirectory, name), content, { mode: 0o600 });
  }

  removeFile(name: string): void {
    rmSync(join(this.stateDirectory, name));
  }

  /** Subjects of all valid tokens. */
  subjects(): string[] {
    return [...this.tokens.values()].sort();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
    rmSync(this.stateDirectory, { recursive: true, force: true });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += chunk;
    const [status, body] = this.#answer(request, text);
    response.writeHead(status, { "content-type": "application/json", "x-dbward-version": "0.2.0" });
    response.end(`${JSON.stringify(body, null, 1)}\n`);
  }

  #answer({ method, url, headers }: IncomingMessage, text: string): [number, object] {
    if (url === "/health") return [200, { status: "ok", version: "0.2.0" }];
    this.calls.push(`${method} ${url}`);
    const subject = this.tokens.get((headers.authorization ?? "").replace(/^Bearer /, ""));
    if (!subject) return [401, { error: "authentication failed", code: "unauthorized" }];
    if (url === "/api/agents") {
      return subject.startsWith("agent ")
        ? [403, { error: "agent tokens cannot access this endpoint", code: "forbidden" }]
        : [200, { agents: [] }];
    }
    if (subject !== "user admin") return [403, { error: "forbidden", code: "forbidden" }];
    const input = JSON.parse(text || "{}") as Record<string, unknown>;
    if (url === "/api/users") return this.#createUser(String(input.id), input.roles as string[]);
    const reissued = /^\/api\/users\/([^/]+)\/reissue-initial-token$/.exec(url ?? "")?.[1];
    if (reissued)
      return [200, { reissued_token_id: "t2", revoked_old_token_id: "t1", token: this.#reissue(reissued) }];
    if (url === "/api/tokens") {
      const token = this.#issue(`agent ${input.subject_id}`);
      return [201, { id: "t3", prefix: token.slice(0, 8), token, subject_id: input.subject_id }];
    }
    return [404, { error: "not found", code: "not_found" }];
  }

  #createUser(id: string, roles: string[]): [number, object] {
    const unknown = roles.find((role) => !this.roles.has(role));
    if (unknown) return [400, { error: `unknown role: ${unknown}`, code: "validation.failed" }];
    if (this.users.has(id)) return [409, { error: "user exists", code: "request.conflict" }];
    this.users.add(id);
    const token = this.#issue(`user ${id}`);
    return [201, { id, token_prefix: token.slice(0, 8), token, roles, groups: [] }];
  }

  #reissue(id: string): string {
    for (const [token, subject] of this.tokens) if (subject === `user ${id}`) this.tokens.delete(token);
    return this.#issue(`user ${id}`);
  }

  #issue(subject: string): string {
    const token = newToken();
    this.tokens.set(token, subject);
    return token;
  }
}
