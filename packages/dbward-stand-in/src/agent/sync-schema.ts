import type { Log } from "../log.ts";
import type { Pools } from "./pools.ts";
import type { ServerApi } from "./server-api.ts";

/** Tells the server what tables the databases have, as far as they can be read. */
export async function syncSchema(api: ServerApi, pools: Pools, log: Log): Promise<void> {
  for (const { settings, database: connected } of pools) {
    const { database, environment } = settings;
    const { dialect } = connected;
    const schema = await connected.schema().catch((error: Error) => error);
    const read =
      schema instanceof Error
        ? ({ status: "failed", snapshot: null, error_message: schema.message } as const)
        : ({ status: "ready", snapshot: schema, error_message: null } as const);
    await api.schemaSync({ database, environment, dialect, ...read }).then(
      () => log("INFO", "schema sync completed", { database, environment }),
      (error: Error) => log("WARN", `schema sync failed: ${error.message}`, { database, environment }),
    );
  }
}
