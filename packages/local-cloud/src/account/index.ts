export {
  callEmulator,
  type EmulatorResponse,
  type EmulatorSocket,
  startAccountListener,
} from "./account-listener.ts";
export { type Credentials, newCredentials } from "./credentials.ts";
export { isSame } from "./signature.ts";
