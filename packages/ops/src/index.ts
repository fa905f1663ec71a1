export { type AwsClients, createAwsClients } from "./aws-clients.ts";
export { AwsCallError } from "./aws-error.ts";
export { type ConsoleLinks, consoleLinks } from "./console-links.ts";
export { PreflightError, type PreflightResult, preflight } from "./preflight/preflight.ts";
export { type CliIo, runCli } from "./run-cli.ts";
