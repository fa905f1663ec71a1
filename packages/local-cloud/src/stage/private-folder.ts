import { chmod, mkdir } from "node:fs/promises";

/**
 * Makes a folder that nobody but its owner enters, whatever the umask: tokens and keys are below it. One that is there
 * and open to others is closed.
 */
export async function privateFolder(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
}
