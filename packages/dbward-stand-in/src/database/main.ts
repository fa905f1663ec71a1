import type { AddressInfo } from "node:net";
import { listen } from "./front.ts";
import { startPglite } from "./pglite.ts";

/** What the process tells its parent once. */
export interface Listening {
  readonly port: number;
}

const [cacheDirectory] = process.argv.slice(2);
const password = process.env.PGPASSWORD;
if (!cacheDirectory || !password)
  throw new Error("usage: PGPASSWORD=… main CACHE_DIRECTORY, as a child process");
// The parent is gone, or wants it to be over.
for (const end of ["disconnect", "SIGTERM"]) process.on(end, () => process.exit(0));

const starting = startPglite(cacheDirectory);
const server = await listen({ user: "dbward", password, database: "app" }, () => starting);
process.send!({ port: (server.address() as AddressInfo).port } satisfies Listening);
await starting;
