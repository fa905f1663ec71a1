/** The emulated AWS account: who may call it, what roles may do, its network, and the emulator behind it. */
export * from "./account/index.ts";
export * from "./emulator/index.ts";
export { jsonText, optionalMember } from "./json-text.ts";
export * from "./processes/index.ts";
export * from "./rights/index.ts";
export * from "./vpc/index.ts";
