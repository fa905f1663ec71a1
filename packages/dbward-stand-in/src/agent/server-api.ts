import { VERSION } from "../version.ts";
import type { Schema } from "./databases/database.ts";
import { NotAKey, type PublicKey, publicKeyOf } from "./execution-token.ts";
import type { AgentSettings } from "./settings.ts";

/** A job as a poll hands it out, to be claimed. */
export interface Job {
  readonly id: string;
  readonly operation: string;
}

/** SQL that the server wants a plan of. */
export interface ExplainJob {
  readonly id: string;
  readonly database: string;
  readonly environment: string;
  readonly sql: string;
  readonly claim_token?: string | null;
}

/** What this agent is doing, as polls report it. */
export interface AgentStatus {
  readonly in_flight: number;
  readonly in_flight_preflight: number;
  readonly max_concurrent: number;
  readonly draining: boolean;
  readonly uptime_secs: number;
  readonly active_jobs: readonly {
    readonly request_id: string;
    readonly operation: string;
    readonly elapsed_secs: number;
  }[];
}

export interface PollAnswer {
  readonly jobs: readonly Job[];
  readonly dry_run_jobs?: readonly ExplainJob[];
  readonly preflight_jobs?: readonly ExplainJob[];
  readonly upgrade_required?: boolean;
  readonly min_agent_version?: string;
}

/** A claimed job. */
export interface Claim {
  readonly execution_id: string;
  readonly request_id: string;
  readonly execution_token: string;
  readonly operation: string;
  readonly database: string;
  readonly environment: string;
  readonly detail: string;
  readonly statement_timeout_secs?: number | null;
  readonly max_rows?: number | null;
  /** A JSON array of the statements; the text is what is signed. */
  readonly execution_plan_json?: string | null;
}

/** Outcome of a job. */
export interface JobResult {
  readonly success: boolean;
  /** JSON. */
  readonly result_data?: string;
  readonly error_message?: string;
  readonly rows_affected?: number;
  readonly truncated?: boolean;
  readonly duration_ms?: number;
}

/** The server refused a call. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;

  constructor(call: string, status: number, code?: string) {
    super(`the server answered ${call} with ${status}${code ? ` ${code}` : ""}`);
    this.status = status;
  }
}

/** The server could not be reached, or its answer was none. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** Milliseconds for one call. */
const CALL_MS = 30_000;
/** Bytes of an answer that are read. */
const MAX_ANSWER = 16 * 1024 * 1024;

/** The calls of agents, as in dbward 0.2.0. Each throws {@link Refused} or {@link Unreachable}. */
export class ServerApi {
  readonly #url: string;
  readonly #token: string;
  readonly #capabilities: object;

  constructor({ serverUrl, token, databases, operations }: AgentSettings) {
    this.#url = serverUrl;
    this.#token = token;
    this.#capabilities = {
      scopes: databases.map(({ database, environment }) => ({ database, environment })),
      operations,
    };
  }

  /** @throws NotAKey when the answer holds none */
  async publicKey(): Promise<PublicKey> {
    const answer = await this.#call("GET", "/api/public-key");
    if (typeof answer !== "object") throw new NotAKey();
    return publicKeyOf((answer as { public_key?: unknown } | null)?.public_key);
  }

  /** @param limit jobs to hand out at most */
  async poll(limit: number, status: AgentStatus): Promise<PollAnswer> {
    const body = { capabilities: this.#capabilities, limit, agent_version: VERSION, status };
    const answer = (await this.#call("POST", "/api/agent/poll", body)) as Partial<PollAnswer> | undefined;
    if (!Array.isArray(answer?.jobs)) throw new Unreachable("the server's answer to a poll is none");
    return answer as PollAnswer;
  }

  async claim(requestId: string): Promise<Claim> {
    return (await this.#call("POST", `/api/agent/jobs/${encodeURIComponent(requestId)}/claim`)) as Claim;
  }

  /** @returns whether the request was cancelled */
  async heartbeat(executionId: string): Promise<boolean> {
    const path = `/api/agent/jobs/${encodeURIComponent(executionId)}/heartbeat`;
    return ((await this.#call("POST", path)) as { cancelled?: boolean } | undefined)?.cancelled === true;
  }

  async result(executionId: string, result: JobResult): Promise<void> {
    await this.#call("POST", `/api/agent/jobs/${encodeURIComponent(executionId)}/result`, result);
  }

  /** @returns the token of the claim */
  async claimDryRun(id: string): Promise<string> {
    const answer = await this.#call("POST", `/api/agent/dry-run/${encodeURIComponent(id)}/claim`);
    return String((answer as { claim_token?: unknown } | undefined)?.claim_token);
  }

  async dryRunResult(id: string, outcome: ExplainOutcome): Promise<void> {
    await this.#call("POST", `/api/agent/dry-run/${encodeURIComponent(id)}/result`, outcome);
  }

  async preflightResult(id: string, outcome: ExplainOutcome): Promise<void> {
    await this.#call("POST", "/api/agent/preflight-result", { job_id: id, ...outcome });
  }

  async schemaSync(sync: SchemaSync): Promise<void> {
    await this.#call("POST", "/api/agent/schema-sync", sync);
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    let status: number;
    let text: string;
    try {
      const response = await fetch(this.#url + path, {
        method,
        signal: AbortSignal.timeout(CALL_MS),
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      status = response.status;
      text = await readBounded(response);
    } catch (error) {
      throw new Unreachable(`${method} ${path}: ${causeOf(error)}`);
    }
    const answer = jsonOf(text);
    if (status >= 300) throw new Refused(`${method} ${path}`, status, codeOf(answer));
    return answer;
  }
}

/** Plan of an {@link ExplainJob}, or why there is none. */
export interface ExplainOutcome {
  readonly claim_token: string;
  readonly result?: unknown;
  readonly error?: string;
}

export interface SchemaSync {
  readonly database: string;
  readonly environment: string;
  readonly dialect: string;
  readonly status: "ready" | "failed";
  readonly snapshot: Schema | null;
  readonly error_message: string | null;
}

async function readBounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > MAX_ANSWER) throw new Error(`the answer is longer than ${MAX_ANSWER} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function codeOf(answer: unknown): string | undefined {
  const code = (answer as { code?: unknown } | undefined | null)?.code;
  return typeof code === "string" && /^[\w.]{1,64}$/.test(code) ? code : undefined;
}

function causeOf(error: unknown): string {
  const { cause, message } = error as Error;
  return (cause as { code?: string } | undefined)?.code ?? message;
}
