/** A statement of a resource's policy, as far as it is judged here. */
export interface PolicyStatement {
  readonly Effect?: string;
  readonly Principal?: string | Readonly<Record<string, string | readonly string[]>>;
  readonly Action?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The statements of a policy. @param text its JSON; without one there are none */
export function statementsOf(text: string | undefined): readonly PolicyStatement[] {
  const { Statement = [] } = JSON.parse(text ?? "{}") as { Statement?: PolicyStatement | PolicyStatement[] };
  return [Statement].flat();
}

/** Whether a statement is about an AWS service, such as `events.amazonaws.com`. */
export function isAboutService({ Principal }: PolicyStatement, service: string): boolean {
  if (typeof Principal !== "object") return Principal === "*";
  const { Service = [], AWS = [] } = Principal;
  return [Service].flat().some((each) => each === service || each === "*") || [AWS].flat().includes("*");
}

/** Whether a statement is about an action, such as `sns:Publish`. */
export function isAboutAction({ Action }: PolicyStatement, wanted: string): boolean {
  return [Action ?? []].flat().some((action) => matches(action.toLowerCase(), wanted.toLowerCase()));
}

/**
 * Whether the conditions of a statement hold for a request.
 *
 * @param context values of the request's condition keys, by the key in lower case; `undefined` for a key that it does not have
 * @returns `undefined` when a condition has an operator or a key that is not judged here
 */
export function conditionsHold(
  { Condition = {} }: PolicyStatement,
  context: Readonly<Record<string, string | undefined>>,
): boolean | undefined {
  const results = Object.entries(Condition).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => {
      const compare = OPERATORS[operator.toLowerCase()];
      const name = key.toLowerCase();
      if (!compare || !Object.hasOwn(context, name)) return undefined;
      const value = context[name];
      return value !== undefined && [values].flat().some((each) => compare(String(each), value));
    }),
  );
  if (results.includes(false)) return false;
  return results.includes(undefined) ? undefined : true;
}

const same = (pattern: string, value: string) => pattern === value;
const sameIgnoringCase = (pattern: string, value: string) => pattern.toLowerCase() === value.toLowerCase();

/** By the operator in lower case. */
const OPERATORS: Readonly<Record<string, (pattern: string, value: string) => boolean>> = {
  stringequals: same,
  stringequalsignorecase: sameIgnoringCase,
  bool: sameIgnoringCase,
  stringlike: matches,
  arnequals: matches,
  arnlike: matches,
};

/** Whether a text matches a pattern with `*` and `?`. */
function matches(pattern: string, text: string): boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s").test(text);
}
