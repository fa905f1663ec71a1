export { type AwsClients, createAwsClients } from "./aws-clients.ts";
export { AwsCallError } from "./aws-error.ts";
export { PreflightError, type PreflightResult, preflight } from "./preflight/preflight.ts";
