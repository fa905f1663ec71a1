import { fileURLToPath } from "node:url";
import { DbwardError } from "@dbward-aws/core";
import { z } from "zod";
import { imageTag } from "./schema/fields.ts";
import { StageFile } from "./stage-file.ts";

/** Where `pnpm ops upgrade` keeps the versions, from the folder of dbward.config.ts. */
export const VERSIONS_FILE = "config/versions.json";

/** Image tags of one stage. */
export interface StageVersions {
  readonly server: string;
  /** Of all agents. */
  readonly agents: string;
}

/** The file with the versions is missing or invalid. */
export class VersionsFileError extends DbwardError {
  override readonly name = "VersionsFileError";

  constructor(file: string, what: string, cause?: unknown) {
    super("versions-file-invalid", `Reading ${file} failed: ${what}.`, {
      cause,
      hint: 'It has an object for each stage, such as { "prod": { "server": "0.2.0", "agents": "0.2.0" } }.',
    });
  }
}

const versions = new StageFile<StageVersions>(
  z.strictObject({ server: imageTag, agents: imageTag }),
  (...reason) => new VersionsFileError(...reason),
);

/**
 * Reads the image tags of a stage, for dbward.config.ts: `readVersions(new URL("./config/versions.json", import.meta.url), "prod")`.
 *
 * @throws VersionsFileError
 */
export function readVersions(file: string | URL, stage: string): StageVersions {
  const path = typeof file === "string" ? file : fileURLToPath(file);
  const found = versions.read(path, stage);
  if (found === undefined) throw new VersionsFileError(path, `it has no stage "${stage}"`);
  return found;
}

/**
 * Changes tags of one stage in the file, and leaves the others.
 *
 * @throws VersionsFileError
 */
export function writeVersions(file: string, stage: string, change: Partial<StageVersions>): void {
  versions.write(file, stage, { ...readVersions(file, stage), ...change });
}

/**
 * The text of the file with a further stage. One that the file has keeps its versions.
 *
 * @param text the file; `undefined` when there is none
 * @param choose the versions of the stage, from those of the others
 * @throws VersionsFileError
 */
export function withStageVersions(
  file: string,
  text: string | undefined,
  stage: string,
  choose: (others: readonly StageVersions[]) => StageVersions,
): string {
  const all = text === undefined ? {} : versions.parse(file, text);
  if (text !== undefined && Object.hasOwn(all, stage)) return text;
  return versions.text({ ...all, [stage]: choose(Object.values(all)) });
}
