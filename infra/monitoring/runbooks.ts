import type { AlarmId } from "@dbward-aws/contract";

/**
 * The alarms that have a page in `docs/runbooks`: those about which more is to be said than their description
 * holds.
 */
export const RUNBOOKS = [
  "server-unreachable",
  "server-not-ready",
  "no-healthy-agent",
  "agents-offline",
  "queue-not-draining",
  "resumes-stale",
  "token-refused",
  "stored-tokens-refused",
  "token-rotation-overdue",
  "poller-silent",
  "poller-failing",
  "poller-hindered",
  "tasks-missing",
  "efs-storage",
  "alb-unhealthy-hosts",
  "capture-failed",
] as const satisfies readonly AlarmId[];

/** An alarm that has a runbook. */
export type RunbookId = (typeof RUNBOOKS)[number];

/** Whether `docs/runbooks` has a page about an alarm. */
export function hasRunbook(id: AlarmId): id is RunbookId {
  return (RUNBOOKS as readonly AlarmId[]).includes(id);
}

/** Where a reader finds the runbooks. */
export class RunbookLinks {
  /** Whether a link is a URL, and not a path in this repository. */
  readonly arePublished: boolean;
  readonly #base: string;

  /** @param url base of the published pages. @default - the files of this repository */
  constructor(url: string | undefined) {
    this.arePublished = url !== undefined;
    this.#base = url ?? "docs/runbooks";
  }

  to(id: RunbookId): string {
    return `${this.#base}/${id}.md`;
  }
}
