/** The local stage: an emulated AWS account in which the real `sst deploy` runs dbward as local processes. */
export * from "./stage/index.ts";
