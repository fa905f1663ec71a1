import { z } from "zod";
import type { App } from "../app/app.ts";
import { forbidden, forbiddenBecause, invalid, ok, Refusal, type Reply } from "../http/answer.ts";
import { booleanParameter, optionalText, textParameter } from "../http/fields.ts";
import { type AnyRoute, type Call, route } from "../http/router.ts";
import type { SchemaRecord } from "../state/records.ts";

const MAX_SCHEMA_BYTES = 10 * 1024 * 1024;

const SYNC = z.object({
  database: z.string(),
  environment: z.string(),
  dialect: z.string(),
  status: z.string(),
  snapshot: z.unknown().optional(),
  error_message: optionalText,
});

const QUERY = z.object({ environment: textParameter, table: textParameter, summary: booleanParameter });

/** Environments whose schema is taken first where none is named. */
const FIRST = ["production", "staging", "development"];

/** `/api/agent/schema-sync` and `/api/schemas/{db}`. */
export function schemaRoutes(app: App): AnyRoute[] {
  const { store, clock } = app;

  function sync({ body, caller }: Call<z.infer<typeof SYNC>>): Reply {
    const { database, environment, dialect, status, snapshot = null } = body;
    if (dialect !== "postgresql" && dialect !== "mysql") throw invalid("invalid dialect");
    if (status !== "ready" && status !== "failed" && status !== "partial") throw invalid("invalid status");
    if (status === "ready" && snapshot === null) throw invalid("snapshot required when status=ready");
    const isThis = (scope: { database: string; environment: string }) =>
      scope.database === database && scope.environment === environment;
    const agent = store.state.agents.find(({ id }) => id === caller.subjectId);
    if (!agent?.scopes.some(isThis)) throw forbidden();
    if (!app.config.databases.some(isThis)) throw invalid("database/environment not registered");
    const record: SchemaRecord = {
      database,
      environment,
      dialect,
      status,
      snapshot,
      collectedAt: clock.timestamp(),
    };
    store.state.schemas = [...store.state.schemas.filter((each) => !isThis(each)), record];
    store.changed();
    return { status: 200 };
  }

  function show({ path, query, caller }: Call<undefined, z.infer<typeof QUERY>>): Reply {
    const registered = app.config.databases
      .filter(({ database }) => database === path.db)
      .map(({ environment }) => environment);
    if (registered.length === 0) throw missing("database not registered");
    if (query.environment !== undefined && !registered.includes(query.environment))
      throw missing(`environment '${query.environment}' not registered for this database`);
    const wanted =
      query.environment === undefined
        ? [...new Set([...FIRST, ...registered.toSorted()])]
        : [query.environment];
    const ready = wanted.flatMap((environment) =>
      store.state.schemas.filter(
        (each) => each.database === path.db && each.environment === environment && each.status === "ready",
      ),
    );
    if (ready.length === 0) throw missing("schema not yet collected. Start an agent for this database.");
    const found = ready.find((each) => caller.mayIn("schema.read", each));
    if (!found) throw forbiddenBecause("forbidden");
    const { database, environment, dialect, status, collectedAt } = found;
    return ok({
      database,
      environment,
      dialect,
      status,
      collected_at: collectedAt,
      ...tablesOf(found, query.table, query.summary ?? true),
    });
  }

  return [
    route({
      method: "POST",
      path: "/api/agent/schema-sync",
      by: "agent",
      body: { schema: SYNC, maxBytes: MAX_SCHEMA_BYTES },
      answer: sync,
    }),
    route({ method: "GET", path: "/api/schemas/{db}", query: QUERY, answer: show }),
  ];
}

function missing(error: string): Refusal {
  return new Refusal({ status: 404, json: { error, code: "not_found" } });
}

function tablesOf({ snapshot }: SchemaRecord, name: string | undefined, summary: boolean) {
  const tables = membersOf(snapshot).tables;
  const all = Array.isArray(tables) ? tables.map(membersOf) : [];
  if (name === undefined) return { tables: summary ? all.map(summaryOf) : all };
  const [table, schema] = name.split(".").toReversed();
  const matching = all.filter(
    (each) => each.name === table && (schema === undefined || each.schema_name === schema),
  );
  if (matching.length !== 1) throw missing(`table '${name}' not found in snapshot, or in several schemas`);
  return { table: matching[0] };
}

function summaryOf(table: Readonly<Record<string, unknown>>) {
  const count = (name: string) => (Array.isArray(table[name]) ? table[name].length : 0);
  return {
    name: table.name,
    schema_name: table.schema_name,
    estimated_rows: table.estimated_rows,
    column_count: count("columns"),
    constraint_count: count("constraints"),
    index_count: count("indexes"),
  };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
