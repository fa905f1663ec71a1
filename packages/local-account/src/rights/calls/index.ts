/**
 * What calls of AWS's APIs need of rights: actions, resources and condition keys, worked out of the request.
 */
export { type Account, type Call, type Need, readCall } from "./call.ts";
export { needsOf } from "./needs.ts";
