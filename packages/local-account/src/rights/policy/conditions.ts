import { BlockList, isIPv4, isIPv6 } from "node:net";
import { arnMatches } from "./arn.ts";
import { patternOf, type RequestContext } from "./pattern.ts";
import { listOf, PolicyNotUnderstood, type Statement } from "./policy-document.ts";

/** What a value of the request and one of the policy are compared in. */
interface Comparison {
  readonly context: RequestContext;
  readonly version: string | undefined;
}

/**
 * @returns `undefined` when a variable of the policy has no value: then the condition doesn't hold, negated
 * or not
 */
type Compare = (actual: string, expected: string, comparison: Comparison) => boolean | undefined;

interface Operator {
  readonly compare: Compare;
  /** Holds when no value of the policy compares, and without the key as well. */
  readonly negated?: true;
}

const equals: Compare = (actual, expected, { context, version }) =>
  patternOf(expected, context, { version, wildcards: false })?.test(actual);
const equalsIgnoringCase: Compare = (actual, expected, { context, version }) =>
  patternOf(expected, context, { version, wildcards: false, ignoreCase: true })?.test(actual);
const like: Compare = (actual, expected, { context, version }) =>
  patternOf(expected, context, { version })?.test(actual);
const arnLike: Compare = (actual, expected, { context, version }) =>
  arnMatches(actual, expected, context, version);
const bool: Compare = (actual, expected) => actual.toLowerCase() === expected.toLowerCase();
const inRange: Compare = (actual, expected) =>
  rangeOf(expected).check(actual, isIPv6(actual) ? "ipv6" : "ipv4");

/**
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
const OPERATORS: Readonly<Record<string, Operator>> = {
  stringequals: { compare: equals },
  stringnotequals: { compare: equals, negated: true },
  stringequalsignorecase: { compare: equalsIgnoringCase },
  stringnotequalsignorecase: { compare: equalsIgnoringCase, negated: true },
  stringlike: { compare: like },
  stringnotlike: { compare: like, negated: true },
  arnequals: { compare: arnLike },
  arnlike: { compare: arnLike },
  arnnotequals: { compare: arnLike, negated: true },
  arnnotlike: { compare: arnLike, negated: true },
  bool: { compare: bool },
  ipaddress: { compare: inRange },
  notipaddress: { compare: inRange, negated: true },
  ...ordered("numeric", Number),
  ...ordered("date", timeOf),
};

/** Equal, less and greater, for what `read` makes a number of. */
function ordered(kind: string, read: (text: string) => number): Record<string, Operator> {
  const by =
    (holds: (actual: number, expected: number) => boolean): Compare =>
    (actual, expected) =>
      holds(read(actual), read(expected));
  return {
    [`${kind}equals`]: { compare: by((a, b) => a === b) },
    [`${kind}notequals`]: { compare: by((a, b) => a === b), negated: true },
    [`${kind}lessthan`]: { compare: by((a, b) => a < b) },
    [`${kind}lessthanequals`]: { compare: by((a, b) => a <= b) },
    [`${kind}greaterthan`]: { compare: by((a, b) => a > b) },
    [`${kind}greaterthanequals`]: { compare: by((a, b) => a >= b) },
  };
}

/** @param text ISO 8601, or seconds since 1970 */
function timeOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
}

function rangeOf(text: string): BlockList {
  const [address = "", bits] = text.split("/");
  const family = isIPv4(address) ? "ipv4" : "ipv6";
  const range = new BlockList();
  range.addSubnet(address, Number(bits ?? (family === "ipv4" ? 32 : 128)), family);
  return range;
}

/**
 * Whether all conditions of a statement hold.
 *
 * @throws PolicyNotUnderstood for an operator that has no rule here
 */
export function conditionsHold(
  { Condition = {} }: Statement,
  context: RequestContext,
  version: string | undefined,
): boolean {
  return Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, values]) =>
      holds(
        operator.toLowerCase(),
        context[key.toLowerCase()],
        listOf<string | number | boolean>(values).map(String),
        { context, version },
      ),
    ),
  );
}

function holds(
  operator: string,
  actual: readonly string[] | undefined,
  expected: readonly string[],
  comparison: Comparison,
): boolean {
  if (operator === "null") return expected.some((value) => (value === "true") === (actual === undefined));
  const [, set, name = "", ifExists] =
    /^(forallvalues:|foranyvalue:)?(\w+?)(ifexists)?$/.exec(operator) ?? [];
  const known = OPERATORS[name];
  if (!known) throw new PolicyNotUnderstood(`The condition operator ${operator} has no rule.`);
  const { compare, negated = false } = known;
  if (actual === undefined) {
    if (ifExists || set === "forallvalues:") return true;
    return negated && set === undefined;
  }
  const one = (value: string) => {
    const results = expected.map((it) => compare(value, it, comparison));
    return negated ? results.every((result) => result === false) : results.includes(true);
  };
  return set === "forallvalues:" ? actual.every(one) : actual.some(one);
}
