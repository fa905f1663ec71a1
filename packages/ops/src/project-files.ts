import { mkdir, readFile, realpath, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { DbwardError } from "@dbward-aws/core";

/** A file of the project can't be read or written. */
export class ProjectFileError extends DbwardError {
  override readonly name = "ProjectFileError";

  constructor(what: string, hint: string, cause: unknown) {
    super("project-file-failed", `${what} failed: ${(cause as NodeJS.ErrnoException).code}.`, {
      hint,
      cause,
    });
  }
}

/** The text of a file; `undefined` when there is none. @throws ProjectFileError */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ProjectFileError(`Reading ${path}`, "Check the path and its permissions.", error);
  }
}

/**
 * Replaces a file at once: a cut leaves the former one or the new one. A symbolic link stays one, and the file
 * to which it leads is replaced.
 *
 * @throws ProjectFileError
 */
export async function writeText(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const target = await realpath(path).catch(() => path);
    await writeFile(`${target}.new`, text);
    await rename(`${target}.new`, target);
  } catch (error) {
    throw new ProjectFileError(
      `Writing ${path}`,
      "Check the path and its permissions, and run this again: it completes what is missing.",
      error,
    );
  }
}
