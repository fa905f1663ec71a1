import { copyFile, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";

/** What a project has of its own; SST reads settings beside the real place of its own file. */
const OWN = ["sst.config.ts", "dbward.config.ts"];

/**
 * Makes a folder that is the checkout with other settings.
 *
 * @param folder where; replaced when it is there
 * @param settings file to take for dbward.config.ts
 */
export async function makeProject(folder: string, root: string, settings: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const entries = (await readdir(root)).filter((name) => !name.startsWith(".") && !OWN.includes(name));
  await Promise.all(entries.map((name) => symlink(join(root, name), join(folder, name))));
  await copyFile(join(root, "sst.config.ts"), join(folder, "sst.config.ts"));
  await copyFile(settings, join(folder, "dbward.config.ts"));
}
