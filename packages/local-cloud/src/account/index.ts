export {
  callEmulator,
  type EmulatorResponse,
  type EmulatorSocket,
  startAccountListener,
} from "./account-listener.ts";
export { type Credentials, newCredentials } from "./credentials.ts";
export { isOwnProcess } from "./own-process.ts";
export { isSame } from "./signature.ts";
