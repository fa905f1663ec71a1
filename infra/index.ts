export { DbwardAgent, type DbwardAgentProps } from "./agent/dbward-agent.ts";
export {
  type CapturedServer,
  type CaptureTaskResources,
  TokenCapture,
  type TokenCaptureProps,
} from "./bootstrap/token-capture.ts";
export { TokenSecrets, type TokenSecretsProps } from "./bootstrap/token-secrets.ts";
export { DbwardNetwork, type DbwardNetworkProps } from "./network/dbward-network.ts";
export { DbwardServer, type DbwardServerProps } from "./server/dbward-server.ts";
export { ServerFileSystem, type ServerFileSystemProps } from "./server/server-file-system.ts";
export { addDbwardStacks, type DbwardEnvironment, type DbwardStacks } from "./stacks/index.ts";
export { deploymentRegion } from "./stacks/region.ts";
export { type RetainedResource, retainedResources } from "./stacks/retained.ts";
export { ResultStorage, type ResultStorageProps } from "./storage/result-storage.ts";
