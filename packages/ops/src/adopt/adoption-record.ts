import { join } from "node:path";
import { DbwardError } from "@dbward-aws/core";
import { z } from "zod";
import { readText, writeText } from "../project-files.ts";

const service = z.object({
  stack: z.string(),
  cluster: z.string(),
  service: z.string(),
  container: z.string(),
  tasks: z.int().nonnegative(),
});

const record = z.object({
  /** `taking-over`: a run has begun to change something; `adopted`: it has come to its end; `back`: the former services run again. */
  state: z.enum(["taking-over", "adopted", "back"]),
  fileSystemId: z.string(),
  server: service,
  agents: z.array(service),
  /** Names of the stacks, the server's first. */
  stacks: z.array(z.string()),
  /** Security groups: of the mount targets, and of the former server, which it lets in. */
  mountTargetGroup: z.string(),
  serverGroups: z.array(z.string()),
  /** What the former server had, to be found again: ids, and how many requests. No secret. */
  before: z.object({ users: z.array(z.string()), tokens: z.array(z.string()), requests: z.number() }),
});

/** What must be known of a manual deployment once its services are stopped: to go on after a cut, and to go back. */
export type AdoptionRecord = z.output<typeof record>;

/** What a server has. */
export type ServerContent = AdoptionRecord["before"];

/** The record of an adoption can't be read. */
class AdoptionRecordError extends DbwardError {
  override readonly name = "AdoptionRecordError";

  constructor(file: string, what: string, cause: unknown) {
    super("adoption-record-invalid", `Reading ${file} failed: ${what}.`, {
      cause,
      hint: "Restore the file from the version control system, or start the former services by hand before you delete it.",
    });
  }
}

/** From the folder of dbward.config.ts. */
export function recordFile(stage: string): string {
  return `config/${stage}.adopted.json`;
}

/** @returns `undefined` when nothing was adopted. @throws AdoptionRecordError, ProjectFileError */
export async function readRecord(root: string, stage: string): Promise<AdoptionRecord | undefined> {
  const file = recordFile(stage);
  const text = await readText(join(root, file));
  if (text === undefined) return undefined;
  try {
    return record.parse(JSON.parse(text));
  } catch (error) {
    throw new AdoptionRecordError(
      file,
      error instanceof z.ZodError ? z.prettifyError(error) : String(error),
      error,
    );
  }
}

export async function writeRecord(root: string, stage: string, content: AdoptionRecord): Promise<void> {
  await writeText(join(root, recordFile(stage)), `${JSON.stringify(content, undefined, 2)}\n`);
}
