import type { AddressInfo } from "node:net";
import { listen } from "./front.ts";
import { startPglite } from "./pglite.ts";

/** The message that the process sends to its parent once it is ready. */
export interface Listening {
  readonly port: number;
}

const [cacheDirectory] = process.argv.slice(2);
const password = process.env.PGPASSWORD;
if (!cacheDirectory || !password)
  throw new Error("usage: PGPASSWORD=… main CACHE_DIRECTORY, as a child process");
// The parent has ended, or ends this process.
for (const end of ["disconnect", "SIGTERM"]) process.on(end, () => process.exit(0));

const starting = startPglite(cacheDirectory);
const server = await listen({ user: "dbward", password, database: "app" }, () => starting);
process.send!({ port: (server.address() as AddressInfo).port } satisfies Listening);
await starting;
