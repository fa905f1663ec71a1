import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Folder of the repository. */
export const ROOT = join(import.meta.dirname, "../../..");

/** Every file of the repository that git tracks or would track, by its path from {@link ROOT}. */
export function files(pattern: RegExp): string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.split("\0"))].filter((path) => path !== "" && pattern.test(path)).sort();
}

/** Text of a file of the repository; empty when it has been deleted and git doesn't know yet. */
export function text(path: string): string {
  try {
    return readFileSync(join(ROOT, path), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
