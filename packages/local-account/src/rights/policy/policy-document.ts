import { z } from "zod";
import { jsonText } from "../../json-text.ts";

/** Where the grammar has a string, a list of strings may stand. */
const oneOrMore = z.union([z.string(), z.array(z.string()).readonly()]);

const condition = z.union([z.string(), z.boolean(), z.number()]);

/** A statement's principals: everybody, or names by kind. */
const principal = z.union([z.literal("*"), z.record(z.string(), oneOrMore).readonly()]);

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html */
const statement = z
  .object({
    Sid: z.string(),
    Principal: principal,
    NotPrincipal: principal,
    Action: oneOrMore,
    NotAction: oneOrMore,
    Resource: oneOrMore,
    NotResource: oneOrMore,
    Condition: z
      .record(
        z.string(),
        z.record(z.string(), z.union([condition, z.array(condition).readonly()])).readonly(),
      )
      .readonly(),
  })
  .partial()
  .extend({ Effect: z.enum(["Allow", "Deny"]) })
  .readonly();

const policyDocument = z
  .object({
    Version: z.string().optional(),
    Statement: z.union([statement, z.array(statement).readonly()]),
  })
  .readonly();

export type PrincipalElement = z.output<typeof principal>;
export type Statement = z.output<typeof statement>;

/** A policy of IAM or of a resource, as JSON has it. */
export type PolicyDocument = z.output<typeof policyDocument>;

/** A policy that the local stage can't judge by. The message names what it has no rule for. */
export class PolicyNotUnderstood extends Error {
  override readonly name = "PolicyNotUnderstood";
}

/**
 * @param text JSON of a policy
 * @throws PolicyNotUnderstood
 */
export function parsePolicy(text: string): PolicyDocument {
  const { data, error } = jsonText(policyDocument).safeParse(text);
  if (error)
    throw new PolicyNotUnderstood(`A policy does not follow the grammar of IAM: ${z.prettifyError(error)}`);
  return data;
}

/** @returns the statements of a policy, of which the grammar allows a single one to stand without a list */
export function statementsOf({ Statement }: PolicyDocument): readonly Statement[] {
  return [Statement].flat() as readonly Statement[];
}

/** @returns the member as a list; none for a member that is missing */
export function listOf<T>(member: T | readonly T[] | undefined): readonly T[] {
  return member === undefined ? [] : ([member].flat() as readonly T[]);
}
