import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A way to a folder by a path that any command line takes as it is. */
export interface PlainPath {
  readonly path: string;
  /** Removes the way, not the folder. */
  close(): Promise<void>;
}

/**
 * The commands of containers have their paths replaced by those of this machine, inside shell scripts and
 * TOML texts: a blank, a quote or a dollar sign in the checkout's path would break them. Such a folder gets a
 * link whose path has only letters, digits, dots, hyphens and slashes, in a folder that only its owner can
 * enter.
 */
export async function plainPath(folder: string): Promise<PlainPath> {
  if (/^[A-Za-z0-9_./-]+$/.test(folder)) return { path: folder, close: async () => undefined };
  const parent = await mkdtemp(join(tmpdir(), "dbward-stage-"));
  const path = join(parent, "stage");
  await symlink(folder, path);
  return { path, close: () => rm(parent, { recursive: true, force: true }) };
}
