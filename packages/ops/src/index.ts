export { type AwsClients, createAwsClients } from "./aws-clients.ts";
export { AwsCallError } from "./aws-error.ts";
export { clearFailedStacks } from "./clear-failed-stacks.ts";
export { PreflightError, type PreflightResult, preflight } from "./preflight/preflight.ts";
export { findTasks, lastEnd, type StageEcs } from "./status/services.ts";
export { firstFailedEvent } from "./status/stacks.ts";
