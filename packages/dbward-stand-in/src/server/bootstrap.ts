import { access, open } from "node:fs/promises";
import { join } from "node:path";
import { Fatal } from "../fatal.ts";
import type { Log } from "../log.ts";
import type { StateStore } from "./state.ts";
import { mintToken, revokeToken } from "./tokens.ts";

/** Subject of the bootstrap agent token: the id that `/api/agents` shows for it. */
const BOOTSTRAP_AGENT = "default-agent";
const FILES = ["admin-token", "agent-token", "requester-token"];

/**
 * First start: makes the first tokens and writes them beside the state. Later starts: checks that the files are there.
 *
 * @param force revokes every token and makes the first ones anew
 * @throws {Fatal} when tokens exist and a file is missing
 */
export async function bootstrap(
  store: StateStore,
  directory: string,
  force: boolean,
  log: Log,
): Promise<void> {
  const { state } = store;
  if (state.tokens.length > 0 && !force) return requireFiles(directory);
  for (const token of state.tokens) revokeToken(token);
  if (!state.users.some(({ id }) => id === "admin")) state.users.push({ id: "admin", roles: ["admin"] });
  const admin = mintToken(state, {
    subjectId: "admin",
    subjectType: "user",
    name: "bootstrap",
    initial: true,
  });
  const agent = mintToken(state, {
    subjectId: BOOTSTRAP_AGENT,
    subjectType: "agent",
    name: "bootstrap",
    initial: true,
  });
  await writeToken(join(directory, "admin-token"), admin.value);
  await writeToken(join(directory, "agent-token"), agent.value);
  await writeToken(join(directory, "requester-token"), admin.value);
  await store.save();
  log("INFO", `[init] bootstrap tokens written to ${directory}`);
}

async function requireFiles(directory: string): Promise<void> {
  const missing: string[] = [];
  for (const file of FILES)
    await access(join(directory, file)).catch(() => missing.push(join(directory, file)));
  if (missing.length > 0)
    throw new Fatal(
      `Error: bootstrap token file(s) missing: ${missing.join(", ")}. Run with --force-bootstrap to revoke existing tokens and generate new ones.`,
    );
}

async function writeToken(file: string, value: string): Promise<void> {
  const handle = await open(file, "w", 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(value);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
