import { z } from "zod";
import { MIN_AGENT_VERSION, VERSION } from "../../version.ts";
import type { App } from "../app/app.ts";
import { invalid, ok, type Reply } from "../http/answer.ts";
import { NAME, optionalText, u32, u64 } from "../http/fields.ts";
import type { Call } from "../http/router.ts";
import { type AgentRecord, OPERATIONS, type RequestRecord, type Scope } from "../state/records.ts";

const REPORT = z.object({
  in_flight: u32,
  in_flight_preflight: u32.default(0),
  max_concurrent: u32,
  draining: z.boolean().default(false),
  uptime_secs: u64.default(0),
  active_jobs: z
    .array(z.object({ request_id: z.string(), operation: z.string(), elapsed_secs: u64.default(0) }))
    .default([]),
});

export const POLL = z.object({
  capabilities: z.object({
    scopes: z.array(z.object({ database: z.string(), environment: z.string() })),
    operations: z.array(z.enum(OPERATIONS)).default([]),
  }),
  limit: u32.nullish(),
  status: REPORT.nullish(),
  agent_version: optionalText,
});

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 20;
const MAX_DRY_RUNS = 10;
/** Of an agent that reports nothing. */
const DEFAULT_CONCURRENCY = 4;

/** `POST /api/agent/poll`: notes that the agent is there, and hands out what it could do. */
export function poll(app: App, { body, caller }: Call<z.infer<typeof POLL>>): Reply {
  if (app.draining) return ok({ jobs: [] });
  const scopes = readScopes(body.capabilities.scopes);
  note(app, caller.subjectId, scopes, body.status);
  const upgrade = body.agent_version ? isOlder(body.agent_version, MIN_AGENT_VERSION) : false;
  const inScope = ({ database, environment }: RequestRecord) =>
    scopes.some((scope) => scope.database === database && scope.environment === environment);
  const { operations } = body.capabilities;
  const requests = upgrade ? [] : app.store.state.requests.filter(inScope);
  const dispatched = requests.filter(
    ({ status, operation }) =>
      status === "dispatched" && (operations.length === 0 || operations.includes(operation)),
  );
  return ok({
    jobs: dispatched.slice(0, Math.min(body.limit ?? DEFAULT_LIMIT, MAX_LIMIT)).map(job),
    dry_run_jobs: requests.flatMap(dryRunJobs).slice(0, MAX_DRY_RUNS),
    preflight_jobs: [],
    server_version: VERSION,
    min_agent_version: MIN_AGENT_VERSION,
    upgrade_required: upgrade,
  });
}

/** @throws Refusal 400 for names that dbward doesn't take, and for `*` */
function readScopes(scopes: readonly Scope[]): Scope[] {
  for (const { database, environment } of scopes) {
    if (database === "*" || environment === "*") throw invalid("wildcard '*' is not allowed in scopes");
    if (!NAME.test(database)) throw invalid(`invalid database in scope: ${database}`);
    if (!NAME.test(environment)) throw invalid(`invalid environment in scope: ${environment}`);
  }
  return [...new Map(scopes.map((scope) => [`${scope.database} ${scope.environment}`, scope])).values()];
}

function note(
  { store, clock, audit }: App,
  id: string,
  scopes: readonly Scope[],
  report: z.infer<typeof REPORT> | null | undefined,
): void {
  const { agents } = store.state;
  const agent: AgentRecord = {
    id,
    scopes,
    draining: report?.draining ?? false,
    inFlight: report?.in_flight ?? 0,
    maxConcurrent: report?.max_concurrent ?? DEFAULT_CONCURRENCY,
    uptimeSecs: report?.uptime_secs ?? 0,
    activeJobs: report?.active_jobs ?? [],
    lastPollAt: clock.timestamp(),
  };
  const known = agents.find((each) => each.id === id);
  if (known) {
    Object.assign(known, agent);
    store.changed({ lazily: true });
    return;
  }
  agents.push(agent);
  store.changed();
  audit.record({ type: "agent.registered", category: "agent", actor: id, actorType: "agent", resource: id });
}

function job(request: RequestRecord) {
  return {
    id: request.id,
    created_by: request.requester,
    operation: request.operation,
    environment: request.environment,
    database: request.database,
    detail: request.detail,
  };
}

function dryRunJobs({ id, database, environment, context }: RequestRecord) {
  const pending = context?.dryRuns.filter(({ status }) => status === "pending") ?? [];
  return pending.map((dryRun) => ({ id: dryRun.id, request_id: id, database, environment, sql: dryRun.sql }));
}

/**
 * Whether version `a` is older than `b`. What isn't a number in it is passed over, so that a text without any
 * is older than all.
 */
function isOlder(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) =>
    version
      .split(".")
      .filter((part) => /^\d+$/.test(part))
      .map(Number),
  ) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    if (left[i] === right[i]) continue;
    return (left[i] ?? -1) < (right[i] ?? -1);
  }
  return false;
}
