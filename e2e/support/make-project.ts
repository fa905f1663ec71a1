import { copyFile, cp, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";

/** What reads the settings, each beside its own real place. */
const READERS = ["sst.config.ts", "app.ts", "cdk.ts"];
/** What a project has of its own, or not at all. */
const OWN = ["dbward.config.ts", "dbward.lookup.json", "config"];

/**
 * Makes a folder that is the checkout with other settings.
 *
 * @param folder where; replaced when it is there
 * @param settings file to take for dbward.config.ts
 */
export async function makeProject(folder: string, root: string, settings: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const entries = (await readdir(root)).filter(
    (name) => !name.startsWith(".") && !OWN.includes(name) && !READERS.includes(name),
  );
  await Promise.all(entries.map((name) => symlink(join(root, name), join(folder, name))));
  await Promise.all(READERS.map((name) => copyFile(join(root, name), join(folder, name))));
  await copyFile(settings, join(folder, "dbward.config.ts"));
  // Some commands write into it.
  await cp(join(root, "config"), join(folder, "config"), { recursive: true });
}
