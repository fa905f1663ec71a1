import { rename, writeFile } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";

// A process of its own: WebAssembly frees the memory of initdb only at the end of the process.
const [file] = process.argv.slice(2);
if (!file) throw new Error("usage: prepare FILE");
const database = await PGlite.create();
const dump = await database.dumpDataDir("gzip");
await writeFile(`${file}.${process.pid}`, Buffer.from(await dump.arrayBuffer()));
await rename(`${file}.${process.pid}`, file);
process.exit(0);
