import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type LocalStage, type LocalStageOptions, startLocalStage } from "@dbward-aws/local-cloud";
import { makeProject } from "./make-project.ts";
import { STAND_IN } from "./stand-in.ts";

const ROOT = join(import.meta.dirname, "../..");

/**
 * Starts the local stage of a story that has settings of its own.
 *
 * @param directory everything that the stage writes; what a former run left in it is removed. The project is
 * its folder `project`
 * @param settings file of e2e/settings to take for dbward.config.ts
 */
export async function startStory(
  directory: string,
  settings: string,
  options: Pick<LocalStageOptions, "bootstrap" | "env" | "speed"> = {},
): Promise<LocalStage> {
  const project = join(directory, "project");
  await rm(directory, { recursive: true, force: true });
  await makeProject(project, ROOT, join(ROOT, "e2e/settings", settings));
  return startLocalStage({
    ...options,
    root: project,
    directory,
    cacheDirectory: join(ROOT, ".local", "cache"),
    build: false,
    standIn: STAND_IN,
  });
}
