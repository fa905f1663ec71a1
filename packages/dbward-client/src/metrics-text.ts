import { MAX_AMOUNT, ShapeError } from "./shape.ts";

/** One line of a Prometheus text: a series and its value. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** May be `NaN` or infinite, as the format allows. */
  readonly value: number;
}

/** Everything that `GET /metrics` said. */
export interface MetricsSnapshot {
  readonly samples: readonly MetricSample[];
  /** Type of each family that announced one: `gauge`, `counter`, … */
  readonly types: ReadonlyMap<string, string>;
}

/** States of a request that dbward 0.2.0 counts, in the order of its life. */
export const REQUEST_STATES = ["pending", "approved", "dispatched", "running"] as const;
export type RequestState = (typeof REQUEST_STATES)[number];

/** How many requests are in each state; `other` are those in a state of a later version. */
export type RequestCounts = Readonly<Record<RequestState | "other", number>>;

/** Family of `GET /metrics` that counts the requests by `status`. */
const REQUESTS = "dbward_requests_current";

/**
 * Reads Prometheus' text format (version 0.0.4): comments, escaped label values and timestamps included.
 *
 * @throws {ShapeError} at the first line that is none, named by its number and never by its text
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
 * @returns the queue's counts; a state without a series counts as 0
 * @throws {ShapeError} when the family is missing altogether, or a count is none
 */
export function requestCounts({ samples, types }: MetricsSnapshot): RequestCounts {
  const counts = { pending: 0, approved: 0, dispatched: 0, running: 0, other: 0 };
  let seen = types.has(REQUESTS);
  for (const { name, labels, value } of samples) {
    if (name !== REQUESTS) continue;
    if (!(value >= 0 && value <= MAX_AMOUNT))
      throw new ShapeError(`${REQUESTS} holds a value that is not a count`);
    seen = true;
    counts[isRequestState(labels.status) ? labels.status : "other"] += value;
  }
  if (!seen) throw new ShapeError(`${REQUESTS} is missing`);
  return counts;
}

function isRequestState(status: string | undefined): status is RequestState {
  return (REQUEST_STATES as readonly (string | undefined)[]).includes(status);
}

const TYPE_LINE = /^#\s*TYPE\s+(\S+)\s+(\S+)/;
// Sticky, and each fails at the first character that doesn't fit: a line of any length is read in one pass.
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
  if (name === undefined) throw new ShapeError(`line ${number} of the metrics is no sample`);
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
  if (value === undefined) throw new ShapeError(`line ${number} of the metrics is no sample`);
  return { name, labels, value: readValue(value, number) };
}

function readValue(text: string, number: number): number {
  const infinity = /^([+-]?)Inf$/i.exec(text);
  if (infinity) return infinity[1] === "-" ? -Infinity : Infinity;
  const value = Number(text);
  if (Number.isNaN(value) && text !== "NaN")
    throw new ShapeError(`line ${number} of the metrics has no value`);
  return value;
}
