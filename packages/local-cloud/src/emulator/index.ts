export { type Emulator, startEmulator } from "./emulator.ts";
export { findPython } from "./find-python.ts";
export { installEmulator } from "./install.ts";
