import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Deadline } from "@dbward-aws/core";
import { type Credentials, newCredentials } from "../../account/index.ts";
import { freePort } from "../../task-runner/free-port.ts";
import { type Emulator, installEmulator, startEmulator } from "../index.ts";

/** Where every test of the checkout, and `pnpm local`, has the emulator installed. */
const CACHE = fileURLToPath(new URL("../../../../../.local/cache", import.meta.url));
/** Milliseconds; the first test of a fresh clone installs it. */
const START_MS = 110_000;

/** An emulated account, and the keys that it takes. */
export interface TestEmulator extends Emulator {
  readonly credentials: Credentials;
}

/**
 * An emulated account for a test, on a free port.
 *
 * @param directory what it writes goes here
 * @param ecsPort where its functions find ECS. @default - the emulator's own
 */
export async function startTestEmulator(directory: string, ecsPort?: number): Promise<TestEmulator> {
  const deadline = Deadline.after(START_MS);
  const python = await installEmulator({
    cacheDirectory: CACHE,
    log: join(directory, "install.log"),
    deadline,
  });
  const port = await freePort();
  const ecsEndpoint = `http://127.0.0.1:${ecsPort ?? port}`;
  const credentials = newCredentials();
  const emulator = await startEmulator({ python, directory, port, ecsEndpoint, credentials, deadline });
  return { ...emulator, credentials };
}
