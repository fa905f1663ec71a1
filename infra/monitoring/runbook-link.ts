/** Where the page of an alarm is, from the root of this repository. */
export function runbookPath(id: string): string {
  return `docs/runbooks/${id}.md`;
}
