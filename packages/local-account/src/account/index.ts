export {
  type AccountListener,
  callEmulator,
  type EmulatorResponse,
  type EmulatorSocket,
  startAccountListener,
} from "./account-listener.ts";
export { type ClientConfig, clientConfig } from "./client-config.ts";
export { ACCOUNT_ID, type Credentials, newCredentials } from "./credentials.ts";
export {
  type AccountAccess,
  accountVariables,
  emulatorEnvironment,
  LOCAL_REGION,
  localEnvironment,
} from "./environment.ts";
export { EmulatorCallFailed } from "./errors.ts";
export { isSame } from "./is-same.ts";
export { isOwnProcess } from "./own-process.ts";
export { type RoleSession, type SessionCredentials, sessionCredentials } from "./role-session.ts";
export type { Caller } from "./signature.ts";
export { callAsStage, callJson, type EmulatorAccess, getJson, TARGETS } from "./stage-call.ts";
