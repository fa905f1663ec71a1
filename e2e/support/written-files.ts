import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";

/**
 * Folders of a stage that hold what the account itself keeps: the server's file system, and copies of it.
 * Tokens belong there.
 */
const VAULTS: readonly string[] = ["efs", "backups"];

/**
 * The files below `directory`, other than those of a stage's file system, in which one of `secrets` stands.
 */
export async function filesWith(secrets: readonly string[], directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const inside = relative(directory, path);
    if (VAULTS.some((vault) => inside.startsWith(`${vault}${sep}`))) continue;
    const text = await readFile(path, "latin1").catch((error: NodeJS.ErrnoException) => {
      // Sockets, and files that were temporary.
      if (["ENOENT", "ENXIO"].includes(error.code ?? "")) return "";
      throw error;
    });
    if (holds(text, secrets)) found.push(inside);
  }
  return found;
}

/** Whether one of `secrets` stands in `text`: plain, or in base64 at whatever place. */
export function holds(text: string, secrets: readonly string[]): boolean {
  return secrets.flatMap(formsOf).some((form) => text.includes(form));
}

function formsOf(secret: string): string[] {
  const base64 = [0, 1, 2].map((shift) =>
    // Characters that mix with what stands before and after the secret are left out.
    Buffer.from(`${"x".repeat(shift)}${secret}`)
      .toString("base64")
      .slice(shift === 0 ? 0 : 4, -4),
  );
  return [secret, ...base64];
}

/** What building and testing leave in the checkout: turbo's logs and the tests' reports. */
export async function workspaceLogs(root: string): Promise<string[]> {
  const parents = [root, join(root, "packages"), join(root, "functions")];
  const folders = await Promise.all(
    parents.map(async (parent) =>
      (await readdir(parent, { withFileTypes: true }))
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
        .flatMap(({ name }) => [".turbo", ".reports"].map((logs) => join(parent, name, logs))),
    ),
  );
  return [join(root, ".turbo"), ...folders.flat()];
}
