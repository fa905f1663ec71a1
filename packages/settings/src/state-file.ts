import { fileURLToPath } from "node:url";
import { DbwardError } from "@dbward-aws/core";
import { z } from "zod";
import type { DeepReadonly } from "./schema/deep-readonly.ts";
import { state } from "./schema/state.ts";
import { StageFile } from "./stage-file.ts";

/** Where `pnpm ops restore` keeps the file systems, from the folder of dbward.config.ts. */
export const STATE_FILE = "config/state.json";

/** An existing file system with the server's state, as in the setting `state`. */
export type ExistingState = z.output<typeof state>;

const record = z.strictObject({
  /** The setting `state` of the stage. @default - the stage has the file system that it created */
  state: state.optional(),
  /** The file system before the last move, to which `pnpm ops restore --back` returns. */
  former: state.optional(),
  /** A restore that is under way. */
  restore: z
    .strictObject({
      /** ARN of the backup. */
      recoveryPoint: z.string(),
      /** Idempotency token of the restore job, and creation token of its file system. */
      token: z.string(),
      /** The restored file system, once it is there. */
      fileSystemId: z.string().optional(),
    })
    .optional(),
  /** Set while the stage is not yet known to run on `state`: which way it moves. */
  moving: z.enum(["restored", "back"]).optional(),
});

/** What is known of the file systems of one stage. */
export type StageState = DeepReadonly<z.output<typeof record>>;

/** The file with the file systems is invalid. */
export class StateFileError extends DbwardError {
  override readonly name = "StateFileError";

  constructor(file: string, what: string, cause?: unknown) {
    super("state-file-invalid", `Reading ${file} failed: ${what}.`, {
      cause,
      hint: 'It has an object for each stage, such as { "prod": { "state": { "fileSystemId": "fs-…", "replaces": "fs-…" } } }.',
    });
  }
}

const states = new StageFile<StageState>(record, (...reason) => new StateFileError(...reason), {
  isOptional: true,
});

/**
 * Reads the setting `state` of a stage, for dbward.config.ts:
 * `prod: { ...readState(new URL("./config/state.json", import.meta.url), "prod"), … }`.
 *
 * @returns nothing when the file or the stage in it is missing: the stage has the file system that it created
 * @throws StateFileError
 */
export function readState(file: string | URL, stage: string): { readonly state?: ExistingState } {
  const found = readStageState(typeof file === "string" ? file : fileURLToPath(file), stage).state;
  return found === undefined ? {} : { state: found };
}

/** Reads all that the file has of a stage. @throws StateFileError */
export function readStageState(file: string, stage: string): StageState {
  return states.read(file, stage) ?? {};
}

/**
 * The text of the file with what a stage is to have in it.
 *
 * @param text the file; `undefined` when there is none
 * @throws StateFileError
 */
export function withStageState(
  file: string,
  text: string | undefined,
  stage: string,
  state: StageState,
): string {
  return states.text({ ...(text === undefined ? {} : states.parse(file, text)), [stage]: state });
}

/** Replaces what the file has of a stage, and leaves the others. @throws StateFileError */
export function writeStageState(file: string, stage: string, written: StageState): void {
  states.write(file, stage, written);
}
