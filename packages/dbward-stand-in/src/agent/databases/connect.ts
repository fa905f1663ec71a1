import { type Database, DatabaseError } from "./database.ts";

/**
 * Connects to a database; takes up to 30 s while it refuses connections.
 *
 * @throws DatabaseError
 */
export async function connect(url: string): Promise<Database> {
  // The drivers are loaded when they are needed: an agent that has one kind of database needs one of them.
  if (/^postgres(ql)?:\/\//.test(url)) return (await import("./postgres.ts")).connectPostgres(url);
  if (url.startsWith("mysql://")) return (await import("./mysql.ts")).connectMysql(url);
  throw new DatabaseError(
    "scheme",
    "unsupported URL scheme: it must be postgres://, postgresql:// or mysql://",
  );
}
