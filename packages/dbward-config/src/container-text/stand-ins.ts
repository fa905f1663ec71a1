import { type DbwardProgram, readConfig } from "../check-config.ts";
import { variablesIn } from "../variables/references.ts";

/** Fits where a variable is not in quotes, so that the text can be parsed and the place reported. */
export const BARE_VALUE = "1";

/**
 * Possible values of a secret, which is not known before a task starts, the most likely first: a name, URLs, a network, a role. A text is
 * refused only when dbward would refuse it with every one of them.
 */
export const POSSIBLE_VALUES: readonly string[] = [
  "stand-in",
  "https://stand-in.example.com",
  "postgres://stand-in@db.internal/app",
  "10.0.0.0/8",
  "requester",
  BARE_VALUE,
];

/** Possible values of variables, by name; at least one for each. */
export type PossibleValues = Readonly<Record<string, readonly string[]>>;

/** Chooses the values with which dbward has the fewest objections to the text. */
export function chooseStandIns(
  program: DbwardProgram,
  text: string,
  possible: PossibleValues,
): Record<string, string> {
  const chosen = Object.fromEntries(Object.entries(possible).map(([name, [first]]) => [name, first!]));
  const count = (name: string, value: string) =>
    readConfig(program, text, { ...chosen, [name]: value }).problems.length;
  for (const { name } of variablesIn(text)) {
    if (!Object.hasOwn(possible, name)) continue;
    const counts = possible[name]!.map((value) => ({ value, problems: count(name, value) }));
    chosen[name] = counts.reduce((best, each) => (each.problems < best.problems ? each : best)).value;
  }
  return chosen;
}
