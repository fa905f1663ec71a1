/** Evaluation of policies, as AWS documents it. */
export { evaluate, type Policies, type Verdict } from "./evaluate.ts";
export type { RequestContext } from "./pattern.ts";
export { type PolicyDocument, PolicyNotUnderstood, parsePolicy } from "./policy-document.ts";
export type { Principal } from "./principals.ts";
