import { OPERATIONS, PLAIN_NAME, PLAIN_NAME_WORDS } from "../names.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { mapOf, optional, required, table } from "../schema/table.ts";
import { boolean, list, oneOf, text, u32, u64 } from "../schema/types.ts";
import type { TableNode } from "../toml/nodes.ts";
import { checkPasswords, databaseUrl } from "./database-urls.ts";
import { checkTransport, serverUrl } from "./server-url.ts";

const entry = table({ url: required(databaseUrl) });

/** agent.toml. */
export const agent = table(
  {
    agent_id: optional(text),
    poll_interval_ms: optional(u64),
    max_concurrent_tasks: optional(u32),
    drain_timeout_secs: optional(u64),
    statement_timeout_secs: optional(u64),
    operations: optional(list(oneOf("agent-operation", OPERATIONS))),
    startup_retry_initial_ms: optional(u64),
    startup_retry_max_ms: optional(u64),
    startup_max_wait_secs: optional(u64),
    schema_sync: table({ enabled: boolean, sync_on_startup: boolean, interval_secs: u64 }),
    server: required(
      table({
        url: required(serverUrl),
        agent_token: required(
          text.secret.where({
            rule: "agent-token",
            expected:
              'a token of dbward ("dbw_" and 32 hexadecimal digits); the server refuses anything else',
            accepts: (value) => /^dbw_[0-9a-f]{32}$/.test(value),
          }),
        ),
        allow_insecure: boolean,
      }),
    ),
    databases: required(mapOf(mapOf(entry), [checkDatabases])),
  },
  { rules: [checkTransport, checkPasswords] },
);

/** The server checks the names at the agent's first poll, which contains the databases that have environments. */
function checkDatabases(databases: TableNode, path: Path, report: Report): void {
  if (databases.entries.size === 0) {
    report.add(databases, path, "agent-databases", `${report.render(path)} must have at least one database.`);
  }
  for (const { key: database, value } of databases.entries.values()) {
    if (value.kind !== "table" || value.entries.size === 0) continue;
    const place = child(path, database);
    checkName(database, place, report);
    for (const { key: environment } of value.entries.values()) {
      checkName(environment, child(place, environment), report);
    }
  }
}

function checkName(key: { name: string; start: number; end: number }, path: Path, report: Report): void {
  if (PLAIN_NAME.test(key.name)) return;
  report.add(
    key,
    path,
    "agent-database-name",
    `${report.render(path)}: names of databases and environments must be ${PLAIN_NAME_WORDS}.`,
  );
}
