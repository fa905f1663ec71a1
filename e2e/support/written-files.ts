import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

/** Folders of a stage that hold what the account itself keeps: the server's file system. Tokens belong there. */
const VAULTS: readonly string[] = ["efs"];

/**
 * The files below a stage's directory, other than those of its file system, in which one of `secrets` stands: plain,
 * or as base64.
 */
export async function filesWith(secrets: readonly string[], directory: string): Promise<string[]> {
  const forms = secrets.flatMap((secret) => [secret, Buffer.from(secret).toString("base64").slice(0, -4)]);
  const found: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const inside = relative(directory, path);
    if (VAULTS.some((vault) => inside.startsWith(`${vault}/`))) continue;
    const text = await readFile(path, "latin1").catch((error: NodeJS.ErrnoException) => {
      // Sockets, and files that were temporary.
      if (["ENOENT", "ENXIO"].includes(error.code ?? "")) return "";
      throw error;
    });
    if (forms.some((form) => text.includes(form))) found.push(inside);
  }
  return found;
}
