import { patternOf, type RequestContext } from "./pattern.ts";

/** An ARN has six parts; colons after the fifth belong to the last one. */
const PARTS = 6;
/** A colon that is not within a policy variable. */
const SEPARATOR = /:(?![^{]*\})/;

/** @returns `undefined` for anything but an ARN */
export function arnParts(arn: string): readonly string[] | undefined {
  const parts = arn.split(SEPARATOR);
  if (parts[0] !== "arn" || parts.length < PARTS) return undefined;
  return [...parts.slice(0, PARTS - 1), parts.slice(PARTS - 1).join(":")];
}

/**
 * Whether an ARN matches a pattern, part by part: a wildcard does not reach beyond a colon, but for those in
 * the last part.
 *
 * @returns `undefined` when a variable of the pattern has no value
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
export function arnMatches(
  arn: string,
  pattern: string,
  context: RequestContext,
  version: string | undefined,
): boolean | undefined {
  if (pattern === "*") return true;
  const [actual, wanted] = [arnParts(arn), arnParts(pattern)];
  if (!actual || !wanted) return false;
  const results = wanted.map((part, index) => patternOf(part, context, { version })?.test(actual[index]!));
  return results.includes(false) ? false : results.includes(undefined) ? undefined : true;
}
