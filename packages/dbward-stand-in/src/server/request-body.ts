import type { AgentReport, Scope } from "./agent-registry.ts";
import { invalid } from "./http-answer.ts";
import type { FinishedJob } from "./request-queue.ts";

/** Parsed JSON of a request. */
export type Body = Readonly<Record<string, unknown>>;

/** Readers of request bodies; each throws 400 `validation.failed`. */
export function requiredString(body: Body, name: string): string {
  const value = body[name];
  if (typeof value !== "string" || value === "") throw invalid(`${name} must be a string`);
  return value;
}

/** An id of a user or an agent: it ends up in paths and in metrics. */
export function identifier(body: Body, name: string): string {
  const value = requiredString(body, name);
  if (!/^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/.test(value))
    throw invalid(`${name} has characters that are not allowed`);
  return value;
}

export function stringList(body: Body, name: string): string[] {
  const value = body[name] ?? [];
  if (!Array.isArray(value) || value.some((each) => typeof each !== "string"))
    throw invalid(`${name} must be an array of strings`);
  return value as string[];
}

/** What an agent says with a poll. */
export function agentReport(body: Body): AgentReport {
  return {
    state: body.state === "draining" ? "draining" : "active",
    maxConcurrent: count(body, "max_concurrent"),
    uptimeSeconds: count(body, "uptime_secs"),
    running: stringList(body, "running"),
    scopes: objects(body, "scopes").map(
      (scope): Scope => ({
        database: requiredString(scope, "database"),
        environment: requiredString(scope, "environment"),
      }),
    ),
  };
}

export function finishedJobs(body: Body): FinishedJob[] {
  return objects(body, "finished").map((job) => ({
    id: requiredString(job, "id"),
    ...(typeof job.error === "string" ? { error: job.error } : {}),
  }));
}

function count(body: Body, name: string): number {
  const value = body[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0)
    throw invalid(`${name} must be a count`);
  return value;
}

function objects(body: Body, name: string): Body[] {
  const value = body[name] ?? [];
  if (!Array.isArray(value) || value.some((each) => typeof each !== "object" || each === null))
    throw invalid(`${name} must be an array of objects`);
  return value as Body[];
}
