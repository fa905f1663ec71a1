export { type Emulator, type EmulatorOptions, startEmulator } from "./emulator.ts";
export { findPython, type PythonSearch, type PythonSource } from "./find-python.ts";
export { type InstallOptions, installEmulator } from "./install.ts";
