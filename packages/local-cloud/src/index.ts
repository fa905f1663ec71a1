/** The local stage: an emulated AWS account in which the real `sst deploy` runs dbward as local processes. */
export { DATABASE_PLACES_TAG } from "@dbward-aws/local-account";
export * from "./stage/index.ts";
