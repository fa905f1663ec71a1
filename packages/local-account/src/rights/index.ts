/** IAM of the local stage: who may do what, by the policies as deployed. */
export type { Need } from "./calls/index.ts";
export { Judge } from "./judge.ts";
export { RIGHTS_FILE, type UsedRights } from "./record.ts";
