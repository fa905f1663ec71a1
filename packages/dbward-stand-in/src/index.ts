export { type StandInDatabase, startDatabase } from "./database/start-database.ts";
export { STAND_IN_AGENT, STAND_IN_SERVER } from "./entries.ts";
export { nodeOptions } from "./node-options.ts";
