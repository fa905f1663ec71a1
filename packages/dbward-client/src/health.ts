import { type JsonObject, object, optionalText, text } from "./shape.ts";

/** Answer of `GET /health`: the process lives. */
export interface Health {
  readonly version: string;
  /** An older agent is told `upgrade_required`. */
  readonly minAgentVersion?: string;
}

/** Answer of `GET /ready`. */
export interface Readiness {
  /** `draining`: the server is stopping, which is no outage. */
  readonly state: "ready" | "draining" | "degraded";
  /** State of each part by its name, such as `{ sqlite: "ok" }`. */
  readonly checks: Readonly<Record<string, string>>;
}

/** @throws {ShapeError} when it isn't the answer of `GET /health` */
export function readHealth(answer: unknown): Health {
  const health = object(answer, "");
  const minAgentVersion = optionalText(health, "min_agent_version");
  return {
    version: text(health, "version", ""),
    ...(minAgentVersion === undefined ? {} : { minAgentVersion }),
  };
}

/**
 * Takes 200 and 503. A 503 with a status that this version doesn't know counts as degraded.
 *
 * @throws {ShapeError} when it isn't the answer of `GET /ready`
 */
export function readReadiness(status: number, answer: unknown): Readiness {
  const readiness = object(answer, "");
  const stated = text(readiness, "status", "");
  const state = status === 200 ? "ready" : stated === "draining" ? "draining" : "degraded";
  return { state, checks: readChecks(readiness) };
}

function readChecks(readiness: JsonObject): Record<string, string> {
  const { checks } = readiness;
  if (typeof checks !== "object" || checks === null) return {};
  return Object.fromEntries(Object.entries(checks).filter(([, state]) => typeof state === "string"));
}
