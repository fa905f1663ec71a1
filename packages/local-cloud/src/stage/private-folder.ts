import { chmod, mkdir } from "node:fs/promises";

/**
 * Creates a folder that is private to its owner, whatever the umask: it holds tokens and keys. One that is
 * there and open to others is closed.
 */
export async function privateFolder(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
}
