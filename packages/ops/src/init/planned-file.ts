import { redact } from "@dbward-aws/core";
import { createTwoFilesPatch } from "diff";

/** A file of the project, as it is and as it is to be. */
export interface PlannedFile {
  /** From the folder of dbward.config.ts. */
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string;
}

/** What changes in a file, as lines of a unified diff behind an empty line. */
export function diffLines({ path, before = "", after }: PlannedFile): string[] {
  const patch = createTwoFilesPatch(path, path, before, after);
  const lines = redact(patch).trimEnd().split("\n");
  return ["", ...lines.slice(lines.findIndex((line) => line.startsWith("---")))];
}
