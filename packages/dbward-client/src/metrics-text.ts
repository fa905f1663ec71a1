import { MAX_AMOUNT, ShapeError } from "./schema.ts";

/** One line of a Prometheus text: a series and its value. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** May be `NaN` or infinite, as the format allows. */
  readonly value: number;
}

/** Answer of `GET /metrics`. */
export interface MetricsSnapshot {
  readonly samples: readonly MetricSample[];
  /** Type of each family that states one: `gauge`, `counter`, … */
  readonly types: ReadonlyMap<string, string>;
}

/** States of a request that dbward 0.2.0 counts, in the order of its life. */
export const REQUEST_STATES = ["pending", "approved", "dispatched", "running"] as const;
export type RequestState = (typeof REQUEST_STATES)[number];

/** Number of requests in each state; `other` are those in a state that only a later version has. */
export type RequestCounts = Readonly<Record<RequestState | "other", number>>;

/**
 * Counters of the server, each since its start. A counter is left out when the server does not have it.
 *
 * dbward 0.2.0 counts attempts to change a schema by break-glass; its counter of all break-glass requests stays at 0.
 */
export interface ServerCounters {
  /** Break-glass requests, and attempts to change a schema by them. */
  readonly breakGlassUses?: number;
  /** Break-glass requests that were stopped because they could not be written to the audit log. */
  readonly breakGlassAuditFailures?: number;
  /** Background jobs that failed. */
  readonly backgroundPanics?: number;
}

/** Families of `GET /metrics` whose values a counter adds up. */
const COUNTERS = {
  breakGlassUses: ["dbward_break_glass_total", "dbward_break_glass_ddl_attempted_total"],
  breakGlassAuditFailures: ["dbward_break_glass_audit_failure_total"],
  backgroundPanics: ["dbward_background_panics_total"],
} as const satisfies Record<keyof ServerCounters, readonly string[]>;

/** Family of `GET /metrics` that counts the requests by `status`. */
const REQUESTS = "dbward_requests_current";

/**
 * Reads Prometheus' text format (version 0.0.4): comments, escaped label values and timestamps included.
 *
 * @throws {ShapeError} at the first line that is not valid: the message has its number, never its text
 */
export function parseMetricsText(body: string): MetricsSnapshot {
  const samples: MetricSample[] = [];
  const types = new Map<string, string>();
  for (const [index, raw] of body.split("\n").entries()) {
    const line = raw.trim();
    if (line === "") continue;
    if (line.startsWith("#")) {
      const [, name, type] = TYPE_LINE.exec(line) ?? [];
      if (name && type) types.set(name, type);
      continue;
    }
    samples.push(readSample(line, index + 1));
  }
  return { samples, types };
}

/**
 * @returns the number of requests in each state; 0 for a state without a series
 * @throws {ShapeError} when the whole family is missing, or a value is not a count
 */
export function requestCounts({ samples, types }: MetricsSnapshot): RequestCounts {
  const counts = { pending: 0, approved: 0, dispatched: 0, running: 0, other: 0 };
  let seen = types.has(REQUESTS);
  for (const { name, labels, value } of samples) {
    if (name !== REQUESTS) continue;
    if (!(value >= 0 && value <= MAX_AMOUNT))
      throw new ShapeError(`${REQUESTS} has a value that is not a count`);
    seen = true;
    counts[isRequestState(labels.status) ? labels.status : "other"] += value;
  }
  if (!seen) throw new ShapeError(`${REQUESTS} is missing`);
  return counts;
}

/** @throws {ShapeError} when a value is not a count */
export function serverCounters({ samples }: MetricsSnapshot): ServerCounters {
  const counters: { -readonly [Name in keyof ServerCounters]: number } = {};
  for (const [counter, families] of Object.entries(COUNTERS) as [keyof ServerCounters, readonly string[]][]) {
    for (const { name, value } of samples) {
      if (!families.includes(name)) continue;
      if (!(value >= 0 && value <= MAX_AMOUNT))
        throw new ShapeError(`${name} has a value that is not a count`);
      counters[counter] = (counters[counter] ?? 0) + value;
    }
  }
  return counters;
}

function isRequestState(status: string | undefined): status is RequestState {
  return (REQUEST_STATES as readonly (string | undefined)[]).includes(status);
}

const TYPE_LINE = /^#\s*TYPE\s+(\S+)\s+(\S+)/;
// Sticky, and each fails at the first character that does not match: a line of any length is read in one
// pass.
const NAME = /([A-Za-z_:][\w:]*)\s*/y;
const LABEL = /\s*([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|(?=\}))/y;
const END_OF_LABELS = /\s*\}/y;
const VALUE = /\s*(\S+)(?:\s+-?\d+)?$/y;

function readSample(line: string, number: number): MetricSample {
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (match) at = pattern.lastIndex;
    return match;
  };
  const name = take(NAME)?.[1];
  if (name === undefined) throw new ShapeError(`line ${number} of the metrics is not a sample`);
  const labels: Record<string, string> = {};
  if (line[at] === "{") {
    at++;
    for (let label = take(LABEL); label; label = take(LABEL))
      labels[label[1]!] = label[2]!.replace(/\\(.)/g, (_, escaped: string) =>
        escaped === "n" ? "\n" : escaped,
      );
    if (!take(END_OF_LABELS))
      throw new ShapeError(`line ${number} of the metrics has labels that can't be read`);
  }
  const value = take(VALUE)?.[1];
  if (value === undefined) throw new ShapeError(`line ${number} of the metrics is not a sample`);
  return { name, labels, value: readValue(value, number) };
}

function readValue(text: string, number: number): number {
  const infinity = /^([+-]?)Inf$/i.exec(text);
  if (infinity) return infinity[1] === "-" ? -Infinity : Infinity;
  const value = Number(text);
  if (Number.isNaN(value) && text !== "NaN")
    throw new ShapeError(`line ${number} of the metrics has no number as its value`);
  return value;
}
