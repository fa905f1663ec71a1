export { type AccountBootstrap, bootstrapAccount } from "./bootstrap-account.ts";
export { type Emulator, type EmulatorOptions, startEmulator } from "./emulator.ts";
export { EmulatorUnavailable, PortInUse } from "./errors.ts";
export { findPython } from "./find-python.ts";
export { installEmulator } from "./install.ts";
export type { VpcFunction } from "./vpc-functions.ts";
