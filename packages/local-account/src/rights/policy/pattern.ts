import { PolicyNotUnderstood } from "./policy-document.ts";

/**
 * Condition keys of a request with their values; the names of keys in lower case, as IAM ignores their case.
 */
export type RequestContext = Readonly<Record<string, readonly string[]>>;

/** Version of the policy language that has variables; an older policy means `${` as it stands. */
const WITH_VARIABLES = "2012-10-17";

const TOKENS = /\$\{([^}]*)\}|[*?]|[^*?$]+|\$/g;

/**
 * A text of a policy as a regular expression: `*` and `?` are wildcards, `${key}` is the value of a condition
 * key, `${key, 'default'}` has another one where the request has none, and `${*}`, `${?}`, `${$}` are the
 * characters themselves.
 *
 * @param wildcards `*` and `?` stand for other characters. @default true
 * @param version of the policy
 * @returns `undefined` when the request has no single value for a variable
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export function patternOf(
  text: string,
  context: RequestContext,
  {
    version,
    wildcards = true,
    ignoreCase = false,
  }: { readonly version?: string | undefined; readonly wildcards?: boolean; readonly ignoreCase?: boolean },
): RegExp | undefined {
  let source = "";
  for (const [token, name] of text.matchAll(TOKENS)) {
    if (name !== undefined && version === WITH_VARIABLES) {
      const value = variableValue(name, context);
      if (value === undefined) return undefined;
      source += escaped(value);
    } else if (name !== undefined) {
      // Without variables it is text, in which wildcards are wildcards.
      source += [...token].map((character) => partOf(character, wildcards)).join("");
    } else source += partOf(token, wildcards);
  }
  return new RegExp(`^${source}$`, ignoreCase ? "is" : "s");
}

function partOf(token: string, wildcards: boolean): string {
  if (wildcards && token === "*") return ".*";
  return wildcards && token === "?" ? "." : escaped(token);
}

function variableValue(name: string, context: RequestContext): string | undefined {
  if (name === "*" || name === "?" || name === "$") return name;
  const [, key = "", fallback] = /^\s*([^,\s]+)\s*(?:,\s*'([^']*)'\s*)?$/.exec(name) ?? [];
  if (key === "") throw new PolicyNotUnderstood(`The policy variable \${${name}} is not understood.`);
  const values = context[key.toLowerCase()];
  return values?.length === 1 ? values[0] : fallback;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
