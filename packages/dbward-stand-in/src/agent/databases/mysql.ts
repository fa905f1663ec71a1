import mysql, {
  type FieldPacket,
  type Pool,
  type PoolConnection,
  type ResultSetHeader,
} from "mysql2/promise";
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

/** @throws DatabaseError */
export async function connectMysql(url: string): Promise<Database> {
  const database = new Mysql(url);
  (await database.acquire()).release();
  return database;
}

class Mysql implements Database {
  readonly dialect = "mysql";
  readonly #url: string;
  readonly #pool: Pool;

  constructor(url: string) {
    this.#url = url;
    this.#pool = mysql.createPool({
      uri: url,
      connectionLimit: 5,
      connectTimeout: 30_000,
      multipleStatements: true,
    });
  }

  acquire(): Promise<PoolConnection> {
    return withPatience(() => this.#pool.getConnection(), {
      isStarting: (error) => ["ECONNREFUSED", "ER_CON_COUNT_ERROR"].includes(codeOf(error)),
      isRefusedLogin: (error) => codeOf(error) === "ER_ACCESS_DENIED_ERROR",
    });
  }

  async select(
    sql: string,
    { maxRows, timeoutSecs, signal }: StatementOptions & { maxRows: number },
  ): Promise<Selected> {
    const collector = new RowCollector(maxRows);
    await this.#use(signal, async (connection) => {
      await connection
        .query(`SET SESSION max_execution_time = ${timeoutSecs * 1_000}`)
        .catch(() => undefined); // MariaDB has no such variable
      await connection.query("START TRANSACTION READ ONLY");
      try {
        // Every value as its text, so that its JSON can be made of it exactly.
        const [rows, fields] = await connection.query({
          sql,
          rowsAsArray: true,
          typeCast: (field) => field.string(),
        });
        for (const [set, names] of resultSets(rows, fields))
          for (const row of set)
            collector.push(names.map((field, i) => [field.name, jsonOf(row[i] ?? null, field)]));
      } finally {
        await connection.query("ROLLBACK");
      }
    });
    return collector.finish();
  }

  async execute(sql: string, { signal }: StatementOptions): Promise<number> {
    let affected = 0;
    await this.#use(signal, async (connection) => {
      const [result] = await connection.query(sql);
      for (const { affectedRows } of [result].flat() as ResultSetHeader[]) affected += affectedRows ?? 0;
    });
    return affected;
  }

  async explain(sql: string, timeoutSecs: number): Promise<unknown> {
    const signal = new AbortController().signal;
    const { rows } = await this.select(`EXPLAIN FORMAT=JSON ${sql}`, { maxRows: 1, timeoutSecs, signal });
    const [plan] = Object.values(JSON.parse(rows[0] ?? "{}"));
    return typeof plan === "string" ? JSON.parse(plan) : plan;
  }

  async schema(): Promise<Schema> {
    throw new DatabaseError("query", "the stand-in reads no schema of MySQL");
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #use(signal: AbortSignal, work: (connection: PoolConnection) => Promise<void>): Promise<void> {
    const connection = await this.acquire();
    const cancel = () => void this.#cancel(connection.threadId);
    try {
      if (signal.aborted) throw new DatabaseError("cancelled", "query cancelled");
      signal.addEventListener("abort", cancel);
      await work(connection);
      connection.release();
    } catch (error) {
      connection.destroy();
      if (error instanceof DatabaseError) throw error;
      if (signal.aborted) throw new DatabaseError("cancelled", "query cancelled");
      const lost = (error as { fatal?: boolean }).fatal === true;
      throw new DatabaseError(lost ? "connection" : "query", `query failed: ${reasonOf(error as Error)}`);
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  async #cancel(threadId: number): Promise<void> {
    const other = await mysql
      .createConnection({ uri: this.#url, connectTimeout: 5_000 })
      .catch(() => undefined);
    await other?.query(`KILL QUERY ${threadId}`).catch(() => undefined);
    await other?.end().catch(() => undefined);
  }
}

type Row = readonly (string | null)[];

/** One result for one statement, several for several; those that return no rows are left out. */
function resultSets(rows: unknown, fields: unknown): [Row[], FieldPacket[]][] {
  const several = Array.isArray(fields) && (fields[0] === undefined || Array.isArray(fields[0]));
  const sets = several
    ? (fields as unknown[]).map((each, i) => [(rows as unknown[])[i], each])
    : [[rows, fields]];
  return sets.filter(([, names]) => Array.isArray(names)) as [Row[], FieldPacket[]][];
}

function jsonOf(text: string | null, { type }: FieldPacket): string {
  if (text === null) return "null";
  if (NUMBERS.has(type)) return numberJson(text);
  return type === mysql.Types.JSON ? jsonJson(text) : JSON.stringify(text);
}

const { TINY, SHORT, LONG, LONGLONG, INT24, FLOAT, DOUBLE } = mysql.Types;
const NUMBERS = new Set<number | undefined>([TINY, SHORT, LONG, LONGLONG, INT24, FLOAT, DOUBLE]);

function codeOf(error: Error): string {
  return String((error as { code?: unknown }).code ?? "");
}
