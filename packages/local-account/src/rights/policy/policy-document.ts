/** A policy of IAM or of a resource, as JSON has it. */
export interface PolicyDocument {
  readonly Version?: string;
  readonly Statement: Statement | readonly Statement[];
}

/** Where the grammar has a string, a list of strings may stand. */
export type OneOrMore = string | readonly string[];

/** A statement's principals: everybody, or names by kind. */
export type PrincipalElement = "*" | Readonly<Record<string, OneOrMore>>;

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html */
export interface Statement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: PrincipalElement;
  readonly NotPrincipal?: PrincipalElement;
  readonly Action?: OneOrMore;
  readonly NotAction?: OneOrMore;
  readonly Resource?: OneOrMore;
  readonly NotResource?: OneOrMore;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, ConditionValue>>>>;
}

export type ConditionValue = OneOrMore | boolean | number | readonly (string | boolean | number)[];

/** A policy that the local stage can't judge by. The message names what it has no rule for. */
export class PolicyNotUnderstood extends Error {
  override readonly name = "PolicyNotUnderstood";
}

/**
 * @param text JSON of a policy
 * @throws PolicyNotUnderstood
 */
export function parsePolicy(text: string): PolicyDocument {
  try {
    const document = JSON.parse(text) as PolicyDocument | null;
    if (typeof document === "object" && document?.Statement) return document;
  } catch {
    // The parser's message says nothing of the policy.
  }
  throw new PolicyNotUnderstood("A policy is not JSON with a Statement.");
}

/** @returns the statements of a policy, of which the grammar allows a single one to stand without a list */
export function statementsOf({ Statement }: PolicyDocument): readonly Statement[] {
  return [Statement].flat() as readonly Statement[];
}

/** @returns the member as a list; none for a member that is missing */
export function listOf<T>(member: T | readonly T[] | undefined): readonly T[] {
  return member === undefined ? [] : ([member].flat() as readonly T[]);
}
