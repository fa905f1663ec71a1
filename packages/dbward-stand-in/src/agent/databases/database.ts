/** Rows at most that one result has, and bytes of their JSON. */
export const MAX_ROWS = 10_000;
const MAX_BYTES = 10 * 1024 * 1024;

/** A database that an agent is connected to; a pool of up to five connections. */
export interface Database {
  readonly dialect: "postgresql" | "mysql";
  /** Runs SQL in a read-only transaction that is rolled back. */
  select(sql: string, options: StatementOptions & { readonly maxRows: number }): Promise<Selected>;
  /** Runs SQL. @returns how many rows were affected, all statements together */
  execute(sql: string, options: StatementOptions): Promise<number>;
  /** @returns the plan, as the database has it in JSON */
  explain(sql: string, timeoutSecs: number): Promise<unknown>;
  schema(): Promise<Schema>;
  close(): Promise<void>;
}

export interface StatementOptions {
  readonly timeoutSecs: number;
  /** Interrupts the statement in the database. */
  readonly signal: AbortSignal;
}

export interface Selected {
  /** JSON of each row, an object by column. */
  readonly rows: readonly string[];
  readonly truncated: boolean;
  readonly truncationReason: string | null;
}

/** Tables of a database, as the server keeps them. */
export interface Schema {
  readonly tables: readonly unknown[];
}

/** Something went wrong with a database. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  readonly kind: DatabaseErrorKind;

  constructor(kind: DatabaseErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * `scheme` and `authentication` end an agent; `connection` means that the database can't be reached; `query`
 * is about the SQL.
 */
export type DatabaseErrorKind = "scheme" | "authentication" | "connection" | "query" | "cancelled";

/** Milliseconds for which a connection is tried before that counts as one failure. */
const CONNECT_MS = Number(process.env.DBWARD_STANDIN_CONNECT_MS || 30_000);

/**
 * Calls `connect` until it succeeds. A database that refuses connections, or has no room for one more, is
 * taken for one that starts, and is asked again for 30 s; any other failure is final.
 *
 * @throws DatabaseError
 */
export async function withPatience<T>(
  connect: () => Promise<T>,
  {
    isStarting,
    isRefusedLogin,
  }: { isStarting(error: Error): boolean; isRefusedLogin(error: Error): boolean },
): Promise<T> {
  const end = Date.now() + CONNECT_MS;
  for (let pause = 10; ; pause = Math.min(pause * 2, 1_000)) {
    try {
      return await connect();
    } catch (thrown) {
      const error = thrown as Error;
      const kind = isRefusedLogin(error) ? "authentication" : "connection";
      if (!isStarting(error) || Date.now() + pause >= end) {
        if (isStarting(error)) await delay(Math.max(0, end - Date.now()));
        throw new DatabaseError(kind, `${kind} failed: ${reasonOf(error)}`);
      }
    }
    await delay(pause);
  }
}

/** Collects rows up to the limits; what comes behind them is dropped. */
export class RowCollector {
  readonly #rows: string[] = [];
  readonly #maxRows: number;
  #bytes = 0;

  constructor(maxRows: number) {
    this.#maxRows = Math.min(maxRows, MAX_ROWS);
  }

  get isFull(): boolean {
    return this.#rows.length >= this.#maxRows || this.#bytes >= MAX_BYTES;
  }

  /** @param cells name of the column, and JSON of its value */
  push(cells: Iterable<readonly [name: string, json: string]>): void {
    if (this.isFull) return;
    const members = [...new Map(cells)].map(([name, json]) => `${JSON.stringify(name)}:${json}`);
    const row = `{${members.join(",")}}`;
    this.#bytes += Buffer.byteLength(row);
    this.#rows.push(row);
  }

  finish(): Selected {
    const truncationReason =
      this.#rows.length >= this.#maxRows
        ? `row limit reached (${this.#maxRows})`
        : this.#bytes >= MAX_BYTES
          ? `size limit reached (${MAX_BYTES / 1024 / 1024} MB)`
          : null;
    return { rows: this.#rows, truncated: this.isFull, truncationReason };
  }
}

/** JSON of a number that a database wrote; as a text where it is not a JSON number, such as `NaN`. */
export function numberJson(text: string): string {
  return /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? text : JSON.stringify(text);
}

/** JSON that a database wrote, as it is. */
export function jsonJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}

/** What a driver says; for an address with several tries it says it in the code alone. */
export function reasonOf(error: Error): string {
  return error.message || (error as { code?: string }).code || String(error);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
