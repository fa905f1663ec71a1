import { connect } from "./databases/connect.ts";
import { type Database, DatabaseError } from "./databases/database.ts";
import type { DatabaseSettings } from "./settings.ts";

/** Failures in a row after which a database counts as lost. */
const LOST_AFTER = 2;
/** Milliseconds that one attempt to have it back takes at most. */
const RECONNECT_MS = 5_000;

interface Pool {
  readonly settings: DatabaseSettings;
  database: Database;
  failures: number;
}

/** The databases of an agent, and whether they can be reached. */
export class Pools {
  readonly #pools: Pool[];

  constructor(databases: ReadonlyMap<DatabaseSettings, Database>) {
    this.#pools = [...databases].map(([settings, database]) => ({ settings, database, failures: 0 }));
  }

  [Symbol.iterator](): IterableIterator<Readonly<Pool>> {
    return this.#pools.values();
  }

  /** Whether one of them is lost. */
  get lost(): boolean {
    return this.#pools.some(isLost);
  }

  find(database: string, environment: string): Database | undefined {
    return this.#of(database, environment)?.database;
  }

  /** Counts what became of a statement. */
  report(database: string, environment: string, outcome: "success" | "connection lost"): void {
    const pool = this.#of(database, environment);
    if (pool) pool.failures = outcome === "success" ? 0 : pool.failures + 1;
  }

  /** Tries to have lost databases back. @throws DatabaseError when the login is refused meanwhile */
  async reconnect(): Promise<void> {
    for (const pool of this.#pools.filter(isLost)) {
      const connecting = connect(pool.settings.url);
      const database = await within(connecting, RECONNECT_MS).catch((error: unknown) => {
        if (error instanceof DatabaseError && error.kind === "authentication") throw error;
        return undefined;
      });
      if (!database) continue;
      void pool.database.close().catch(() => undefined);
      pool.database = database;
      pool.failures = 0;
    }
  }

  #of(database: string, environment: string): Pool | undefined {
    return this.#pools.find(
      ({ settings }) => settings.database === database && settings.environment === environment,
    );
  }
}

function isLost({ failures }: Pool): boolean {
  return failures >= LOST_AFTER;
}

async function within(connecting: Promise<Database>, ms: number): Promise<Database | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  const first = await Promise.race([connecting, late]).finally(() => clearTimeout(timer));
  if (!first) connecting.then((database) => database.close()).catch(() => undefined);
  return first;
}
