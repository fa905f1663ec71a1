import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Deadline } from "@dbward-aws/core";
import { type Credentials, newCredentials } from "../../account/index.ts";
import { freePort } from "../../processes/free-port.ts";
import { type Emulator, type EmulatorOptions, installEmulator, startEmulator } from "../index.ts";

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
 */
export async function startTestEmulator(
  directory: string,
  options: Pick<EmulatorOptions, "speed"> = {},
): Promise<TestEmulator> {
  const deadline = Deadline.after(START_MS);
  const python = await installEmulator({
    cacheDirectory: CACHE,
    log: join(directory, "install.log"),
    deadline,
  });
  const port = await freePort();
  const credentials = newCredentials();
  const emulator = await startEmulator({ ...options, python, directory, port, credentials, deadline });
  return { ...emulator, credentials };
}
