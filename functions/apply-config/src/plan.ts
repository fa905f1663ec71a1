import type { AppliedChange, ApplyEntry, ApplyState, RefusedConfig } from "@dbward-aws/contract";
import type { DeployedService } from "./deployed-services.ts";

/** A service, and what has changed since its tasks started. */
export interface SeenService {
  readonly service: Pick<DeployedService, "name" | "agent" | "isDeploying" | "deployment">;
  /** Values that are to be taken over, with the time of their change. */
  readonly changes: readonly { readonly title: string; readonly changedAt: Date }[];
  /** Why the service would not start with its changed configuration. @default - it would */
  readonly refused?: RefusedConfig | undefined;
  /** Values that new tasks would lack, by their titles. */
  readonly missing: readonly string[];
}

/** Something that people are told, once. */
export type Notice =
  | { readonly kind: "refused"; readonly service: SeenService["service"]; readonly refused: RefusedConfig }
  | {
      readonly kind: "failed";
      readonly service: SeenService["service"];
      /** Titles of the values that the failed tasks had. */
      readonly changes: readonly string[];
    };

/** What a run does. */
export interface Plan {
  /** What the next run has to know. */
  readonly state: ApplyState;
  readonly notices: readonly Notice[];
  /** The one service whose tasks are to be replaced. @default - none */
  readonly next: SeenService["service"] | undefined;
  /** What becomes of each service, by its name. */
  readonly verdicts: Readonly<Record<string, Verdict>>;
}

/**
 * - `current`: its tasks have the current values.
 * - `refused`: it would not start with its configuration, which is left alone.
 * - `lacking`: a value doesn't exist, so that new tasks would not start.
 * - `deploying`: ECS is replacing its tasks.
 * - `failed`: its new tasks did not start with these values; it waits for another change.
 * - `due`: its tasks are to be replaced.
 */
export type Verdict = "current" | "refused" | "lacking" | "deploying" | "failed" | "due";

/**
 * Decides on one step. While ECS replaces tasks of any service there is none: there are never two agents
 * away, and no agent starts while the server is. The server comes first, because agents need it.
 *
 * @param seen the server, then the agents
 * @param before the state that the run before has left
 */
export function plan(seen: readonly SeenService[], before: ApplyState): Plan {
  const isBusy = seen.some(({ service }) => service.isDeploying);
  const state: Record<string, ApplyEntry> = {};
  const notices: Notice[] = [];
  const verdicts: Record<string, Verdict> = {};
  let next: SeenService["service"] | undefined;
  for (const each of seen) {
    const { service, refused, changes } = each;
    const { name } = service;
    const entry = before[name];
    const applied = entry && "applied" in entry ? entry.applied : undefined;
    const verdict = verdictOn(each, applied);
    verdicts[name] = verdict;
    if (verdict === "refused" && refused) {
      state[name] = { refused };
      if (!isKnown(refused, entry)) notices.push({ kind: "refused", service, refused });
    } else if (verdict === "deploying" && entry) state[name] = entry;
    else if (verdict === "failed" && applied) {
      state[name] = { applied: { ...applied, failed: true } };
      if (!applied.failed)
        notices.push({ kind: "failed", service, changes: changes.map(({ title }) => title) });
    } else if (verdict === "due" && !isBusy && !next) {
      next = service;
      state[name] = { applied: { changedAt: newest(changes)! } };
    }
  }
  return { state, notices, next, verdicts };
}

function verdictOn(
  { service, changes, refused, missing }: SeenService,
  applied: AppliedChange | undefined,
): Verdict {
  if (refused) return "refused";
  if (service.isDeploying) return "deploying";
  const changedAt = newest(changes);
  const hasFailed =
    applied?.deployment !== undefined &&
    (applied.changedAt === changedAt ||
      // A server that did not start has no task from before.
      (changedAt === undefined &&
        service.deployment.hasFailed &&
        service.deployment.id === applied.deployment));
  if (hasFailed) return "failed";
  if (changedAt === undefined) return "current";
  return missing.length > 0 ? "lacking" : "due";
}

function newest(changes: SeenService["changes"]): string | undefined {
  if (changes.length === 0) return undefined;
  return new Date(Math.max(...changes.map(({ changedAt }) => changedAt.getTime()))).toISOString();
}

function isKnown({ parameter, version }: RefusedConfig, entry: ApplyEntry | undefined): boolean {
  return (
    entry !== undefined &&
    "refused" in entry &&
    entry.refused.parameter === parameter &&
    entry.refused.version === version
  );
}
