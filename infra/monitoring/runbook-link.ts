import type { MonitoringSettings } from "@dbward-aws/settings";

/** Where the page of an alarm is, from the root of this repository. */
export function runbookPath(id: string): string {
  return `docs/runbooks/${id}.md`;
}

/** Where a reader finds the page of an alarm: its URL when the settings know one, else its file. */
export function runbookLink(id: string, { runbooksUrl }: Pick<MonitoringSettings, "runbooksUrl">): string {
  return runbooksUrl === undefined ? runbookPath(id) : `${runbooksUrl}/${id}.md`;
}
