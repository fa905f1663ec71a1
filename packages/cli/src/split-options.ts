import yargs from "yargs";

/** A command line in two parts. */
export interface SplitOptions<Name extends string> {
  /** The options of this program, of one given twice the last value. */
  readonly own: Readonly<Partial<Record<Name, string>>>;
  /** Everything else, in its order and as it was written. */
  readonly rest: readonly string[];
}

/**
 * Takes options of this program out of a command line of another one, which gets the rest.
 *
 * @param names long names of options with a value: `--NAME VALUE` or `--NAME=VALUE`
 */
export function splitOptions<Name extends string>(
  argv: readonly string[],
  names: readonly Name[],
): SplitOptions<Name> {
  const { _: rest, ...values } = yargs([...argv])
    .options(Object.fromEntries(names.map((name) => [name, { type: "string" as const }])))
    .help(false)
    .version(false)
    .parserConfiguration({
      "unknown-options-as-args": true,
      "parse-positional-numbers": false,
      "duplicate-arguments-array": false,
      "populate--": true,
    })
    .parseSync();
  const end = values["--"] as readonly string[] | undefined;
  return {
    own: Object.fromEntries(
      names.flatMap((name) => (values[name] ? [[name, values[name]]] : [])),
    ) as SplitOptions<Name>["own"],
    rest: [...rest.map(String), ...(end ? ["--", ...end] : [])],
  };
}
