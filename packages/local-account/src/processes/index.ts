/** Processes of this machine: starting, identifying and ending them, with everything that they started. */
export { endGroup } from "./end-group.ts";
export { freePort } from "./free-port.ts";
export { logWriter } from "./log-writer.ts";
export { processStart, signalGroup } from "./process-group.ts";
export { identify, isAlive, type ProcessIdentity } from "./process-identity.ts";
export { runTool, type ToolEnd, type ToolRun } from "./run-tool.ts";
