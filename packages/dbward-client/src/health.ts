import * as z from "zod/mini";
import { fields, optionalText, read, text, withoutEmpty } from "./schema.ts";

/** Answer of `GET /health`: the process is running. */
export interface Health {
  readonly version: string;
  /** An older agent gets `upgrade_required` and no work. */
  readonly minAgentVersion?: string;
}

/** Answer of `GET /ready`. */
export interface Readiness {
  /** `draining`: the server is stopping, which is not an outage. */
  readonly state: "ready" | "draining" | "degraded";
  /** State of each part by its name, such as `{ sqlite: "ok" }`. */
  readonly checks: Readonly<Record<string, string>>;
}

const HEALTH = fields(() => ({ version: text(), min_agent_version: optionalText() }));
const READINESS = fields(() => ({ status: text(), checks: z.optional(z.unknown()) }));

/** @throws {ShapeError} when it is not the answer of `GET /health` */
export function readHealth(answer: unknown): Health {
  const { version, min_agent_version } = read(HEALTH, answer);
  return { version, ...withoutEmpty({ minAgentVersion: min_agent_version }) };
}

/**
 * Accepts 200 and 503. A 503 with a status that this client does not know counts as degraded.
 *
 * @throws {ShapeError} when it is not the answer of `GET /ready`
 */
export function readReadiness(status: number, answer: unknown): Readiness {
  const readiness = read(READINESS, answer);
  const state = status === 200 ? "ready" : readiness.status === "draining" ? "draining" : "degraded";
  return { state, checks: readChecks(readiness.checks) };
}

/** Parts of a later version may have a state of another form: they are left out. */
function readChecks(checks: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(checks ?? {}).filter(([, state]) => typeof state === "string"));
}
