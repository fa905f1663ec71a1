import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fatal } from "../fatal.ts";
import type { App } from "./app/app.ts";
import type { TokenRecord } from "./state/records.ts";
import { mintToken } from "./tokens.ts";

/** Tokens are recognised as bootstrap tokens by their names, whatever created them. */
const PREFIX = "bootstrap-";
const FILES = ["admin-token", "agent-token", "requester-token"];

/**
 * First start: makes the first users and tokens and writes the tokens beside the state. Later starts: checks
 * that the files are there.
 *
 * @param force revokes the bootstrap tokens and makes new ones
 * @throws {Fatal} when there are other than two of them, or a file is missing
 */
export function bootstrap(app: App, force: boolean): void {
  const { config, store, clock } = app;
  const directory = config.stateDirectory;
  const active = store.state.tokens.filter(
    ({ name, revokedAt }) => name?.startsWith(PREFIX) && revokedAt === null,
  );
  if (force) {
    for (const token of active) token.revokedAt = clock.timestamp();
    if (active.length > 0) print(`existing bootstrap tokens revoked (${active.length})`);
  } else if (active.length === 2) {
    requireFiles(directory);
    return;
  } else if (active.length > 0)
    throw new Fatal(
      `Error: incomplete bootstrap state: ${active.length} active token(s) named ${PREFIX}… found, 2 expected. Run with --force-bootstrap to revoke them and make new ones.`,
    );
  addUser(app, "admin", ["admin", "requester"]);
  addUser(app, "agent", ["agent-default"]);
  const admin = mint(app, "admin", "user", ["admin", "requester"]);
  const agent = mint(app, "agent", "agent", null);
  for (const [index, token] of [admin, agent, admin].entries())
    writeToken(join(directory, FILES[index]!), token);
  store.changed();
  store.flush();
  print(`bootstrap tokens written to ${FILES.map((file) => join(directory, file)).join(", ")}`);
}

function requireFiles(directory: string): void {
  const missing = FILES.map((file) => join(directory, file)).filter((file) => !existsSync(file));
  if (missing.length > 0)
    throw new Fatal(
      `Error: bootstrap token file(s) missing: ${missing.join(", ")}. Run with --force-bootstrap to revoke existing tokens and generate new ones.`,
    );
}

function addUser({ store, clock }: App, id: string, roles: string[]): void {
  if (store.state.users.some((user) => user.id === id)) return;
  const now = clock.timestamp();
  store.state.users.push({
    id,
    roles,
    groups: [],
    status: "active",
    deleted: false,
    createdAt: now,
    updatedAt: now,
  });
}

function mint(
  app: App,
  subjectId: string,
  subjectType: TokenRecord["subjectType"],
  ceiling: string[] | null,
): string {
  const { value, record } = mintToken(app, {
    subjectId,
    subjectType,
    ceiling,
    name: `${PREFIX}${subjectId}`,
    kind: "bootstrap",
  });
  app.audit.record({
    type: "token.created",
    category: "token",
    actor: "system",
    actorType: "system",
    resource: record.id,
  });
  return value;
}

/** Written to a temporary file first, so that no reader sees half a token and the mode is always right. */
function writeToken(file: string, token: string): void {
  writeFileSync(`${file}.tmp`, token, { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
}

function print(line: string): void {
  process.stderr.write(`[init] ${line}\n`);
}
