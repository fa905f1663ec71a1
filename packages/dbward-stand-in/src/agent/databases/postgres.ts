import pg from "pg";
import {
  type Database,
  DatabaseError,
  jsonJson,
  numberJson,
  RowCollector,
  reasonOf,
  type Schema,
  type Selected,
  type StatementOptions,
  withPatience,
} from "./database.ts";

const { builtins } = pg.types;

/** @throws DatabaseError */
export async function connectPostgres(url: string): Promise<Database> {
  const database = new Postgres(poolOf(url));
  (await database.acquire()).release();
  return database;
}

class Postgres implements Database {
  readonly dialect = "postgresql";
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
    pool.on("error", () => undefined); // a lost idle connection shows when the next one can't be made
  }

  acquire(): Promise<pg.PoolClient> {
    return withPatience(() => this.#connect(), {
      isStarting: (error) => ["ECONNREFUSED", TOO_MANY, STARTING].includes(codeOf(error)),
      isRefusedLogin: (error) => ["28P01", "28000"].includes(codeOf(error)),
    });
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      if (!/does not support SSL/i.test((error as Error).message) || !this.#pool.options.ssl) throw error;
      this.#pool.options.ssl = false;
      return this.#pool.connect();
    }
  }

  async select(
    sql: string,
    { maxRows, timeoutSecs, signal }: StatementOptions & { maxRows: number },
  ): Promise<Selected> {
    const collector = new RowCollector(maxRows);
    await this.#use(signal, async (client) => {
      await client.query("BEGIN READ ONLY");
      try {
        await client.query(`SET LOCAL statement_timeout = ${timeoutSecs * 1_000}`);
        await runRows(client, sql, (row, fields) => {
          collector.push(fields.map(({ name }, i) => [name, row[i] ?? "null"]));
        });
      } finally {
        await client.query("ROLLBACK");
      }
    });
    return collector.finish();
  }

  async execute(sql: string, { timeoutSecs, signal }: StatementOptions): Promise<number> {
    let affected = 0;
    await this.#use(signal, async (client) => {
      await client.query(`SET statement_timeout = ${timeoutSecs * 1_000}`);
      try {
        const results = await client.query(sql);
        // Several statements give several results, which the types of pg don't know.
        for (const { rowCount } of [results].flat()) affected += rowCount ?? 0;
      } finally {
        await client.query("ROLLBACK");
        await client.query("RESET statement_timeout");
      }
    });
    return affected;
  }

  async explain(sql: string, timeoutSecs: number): Promise<unknown> {
    const signal = new AbortController().signal;
    const { rows } = await this.select(`EXPLAIN (FORMAT JSON) ${sql}`, { maxRows: 1, timeoutSecs, signal });
    return Object.values(JSON.parse(rows[0] ?? "{}"))[0];
  }

  async schema(): Promise<Schema> {
    const client = await this.acquire();
    try {
      const { rows } = await client.query<{ tables: unknown[] }>(SCHEMA);
      return { tables: rows[0]?.tables ?? [] };
    } finally {
      client.release();
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  /**
   * A connection for one job, which an abort of `signal` cancels. One whose clean-up fails is closed.
   */
  async #use(signal: AbortSignal, work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
    const client = await this.acquire();
    let broken: Error | undefined;
    client.once("error", onError);
    const cancel = () => void this.#cancel(client);
    try {
      const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      backends.set(client, rows[0]!.pid);
      if (signal.aborted) throw new DatabaseError("cancelled", "query cancelled");
      signal.addEventListener("abort", cancel);
      await work(client);
    } catch (error) {
      if (error instanceof DatabaseError) throw error;
      if (signal.aborted) throw new DatabaseError("cancelled", "query cancelled");
      if (!(error instanceof pg.DatabaseError)) broken = error as Error;
      throw new DatabaseError(
        isLost(error as Error) ? "connection" : "query",
        `query failed: ${reasonOf(error as Error)}`,
      );
    } finally {
      signal.removeEventListener("abort", cancel);
      client.removeListener("error", onError);
      client.release(broken);
    }
    function onError(error: Error) {
      broken = error;
    }
  }

  async #cancel(client: pg.PoolClient): Promise<void> {
    const pid = backends.get(client);
    const other = new pg.Client(this.#pool.options);
    try {
      await other.connect();
      await other.query("SELECT pg_cancel_backend($1)", [pid]);
    } catch {
      // The statement then ends by its own timeout.
    } finally {
      await other.end().catch(() => undefined);
    }
  }
}

/** Process ids of backends. */
const backends = new WeakMap<pg.PoolClient, number>();

const TOO_MANY = "53300";
const STARTING = "57P03";

function codeOf(error: Error): string {
  return String((error as { code?: unknown }).code ?? "");
}

/** Whether an error means that the connection is lost. */
function isLost(error: Error): boolean {
  return !(error instanceof pg.DatabaseError) || /connection|broken pipe|reset by peer/i.test(error.message);
}

/**
 * A pool that uses TLS where the server has it, without a check of its certificate, as `sslmode=prefer` says;
 * a URL may name another `sslmode`, with libpq's meaning.
 */
function poolOf(url: string): pg.Pool {
  const options = { max: 5, connectionTimeoutMillis: 30_000 };
  if (/[?&]sslmode=/.test(url))
    return new pg.Pool({ ...options, connectionString: `${url}&uselibpqcompat=true` });
  return new pg.Pool({ ...options, connectionString: url, ssl: { rejectUnauthorized: false } });
}

/** Runs SQL, and hands on each row as JSON texts without keeping it. */
function runRows(
  client: pg.PoolClient,
  sql: string,
  onRow: (row: readonly (string | null)[], fields: readonly pg.FieldDef[]) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // The types of pg know no rowMode here.
    const config = { text: sql, rowMode: "array", types: { getTypeParser: jsonParser } } as pg.QueryConfig;
    const query = client.query(new pg.Query(config));
    query.on("row", (row, result) => onRow(row as unknown as (string | null)[], result!.fields));
    query.on("end", () => resolve());
    query.on("error", reject);
  });
}

/** For a type, what makes JSON of a value's text. */
function jsonParser(oid: number): (text: string) => string {
  const element = ARRAYS.get(oid);
  return element === undefined ? scalarParser(oid) : arrayParser(scalarParser(element));
}

function scalarParser(oid: number): (text: string) => string {
  switch (oid) {
    case builtins.INT2:
    case builtins.INT4:
    case builtins.INT8:
    case builtins.FLOAT4:
    case builtins.FLOAT8:
      return numberJson;
    case builtins.BOOL:
      return (text) => String(text === "t");
    case builtins.JSON:
    case builtins.JSONB:
      return jsonJson;
    default:
      return JSON.stringify;
  }
}

function arrayParser(element: (text: string) => string): (text: string) => string {
  const json = (value: unknown): string => {
    if (value === null) return "null";
    return Array.isArray(value) ? `[${value.map(json).join(",")}]` : element(String(value));
  };
  const parse = pg.types.getTypeParser(TEXT_ARRAY as number) as (text: string) => unknown;
  return (text) => json(parse(text));
}

const TEXT_ARRAY = 1009;

/**
 * Types of elements by the types of arrays, for those of Postgres' own types that are not texts all the same.
 */
const ARRAYS = new Map<number, number>([
  [199, builtins.JSON],
  [3807, builtins.JSONB],
  [1000, builtins.BOOL],
  [1005, builtins.INT2],
  [1007, builtins.INT4],
  [1016, builtins.INT8],
  [1021, builtins.FLOAT4],
  [1022, builtins.FLOAT8],
  ...[TEXT_ARRAY, 1015, 1231, 2951, 1182, 1115, 1185].map((oid): [number, number] => [oid, builtins.TEXT]),
]);

/** Tables outside the catalogs, in the form that the server takes. */
const SCHEMA = `
SELECT coalesce(json_agg(json_build_object(
  'name', c.relname, 'schema_name', n.nspname, 'estimated_rows', c.reltuples::bigint,
  'columns', (
    SELECT coalesce(json_agg(json_build_object(
      'name', a.attname, 'data_type', format_type(a.atttypid, NULL), 'nullable', NOT a.attnotnull,
      'default_value', pg_get_expr(d.adbin, d.adrelid),
      'is_primary_key', EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey))
    ) ORDER BY a.attnum), '[]')
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'constraints', (
    SELECT coalesce(json_agg(json_build_object(
      'name', k.conname,
      'constraint_type', CASE k.contype WHEN 'p' THEN 'primary_key' WHEN 'f' THEN 'foreign_key' WHEN 'u' THEN 'unique' ELSE 'check' END,
      'columns', (SELECT coalesce(json_agg(a.attname ORDER BY array_position(k.conkey, a.attnum)), '[]')
                  FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)),
      'referenced_table', r.relname, 'referenced_schema', rn.nspname,
      'referenced_columns', (SELECT json_agg(a.attname ORDER BY array_position(k.confkey, a.attnum))
                             FROM pg_attribute a WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey)),
      'on_delete', CASE k.confdeltype WHEN 'a' THEN 'NO_ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
                                      WHEN 'n' THEN 'SET_NULL' WHEN 'd' THEN 'SET_DEFAULT' END
    ) ORDER BY k.conname), '[]')
    FROM pg_constraint k LEFT JOIN pg_class r ON r.oid = k.confrelid LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
    WHERE k.conrelid = c.oid AND k.contype IN ('p', 'f', 'u', 'c')),
  'indexes', (
    SELECT coalesce(json_agg(json_build_object(
      'name', x.relname, 'columns', '[]'::json, 'is_unique', i.indisunique, 'index_type', am.amname) ORDER BY x.relname), '[]')
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam
    WHERE i.indrelid = c.oid)
)), '[]') AS tables
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`;
