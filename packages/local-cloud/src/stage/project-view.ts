import { mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";

/**
 * Makes a folder that looks like the checkout: links to its top entries. `sst` works in its current folder
 * and leaves `.sst`, bundles and context files there; in a view they don't land in the checkout, and two
 * stages don't meet.
 *
 * Left out is what would lead the stage elsewhere or belongs to other tools: `.env*` above all, whose values
 * sst lays over our endpoints.
 *
 * @param sstConfig file to take for the checkout's sst.config.ts
 */
export async function makeProjectView(view: string, root: string, sstConfig?: string): Promise<void> {
  await mkdir(view, { recursive: true });
  for (const entry of await readdir(view, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) await rm(join(view, entry.name));
  }
  const links = new Map<string, string>();
  for (const name of await readdir(root)) {
    if (!isLeftOut(name)) links.set(name, join(root, name));
  }
  if (sstConfig) links.set("sst.config.ts", sstConfig);
  for (const [name, target] of links) await symlink(target, join(view, name));
}

function isLeftOut(name: string): boolean {
  return name === "cdk.out" || name === "cdk.context.json" || name.startsWith(".");
}
