import { closest, distance } from "fastest-levenshtein";
import { UsageError } from "./errors.ts";

/** Where in the command line yargs found a mistake. */
export interface Place {
  /** Name of the program, such as `pnpm ops`. */
  readonly program: string;
  /** Usage of the command, such as `restart <part> [name]`. */
  readonly usage: string;
  /** Names of the commands that may follow. */
  readonly commands: readonly string[];
  /** Names of the options that are known here, without dashes. */
  readonly options: readonly string[];
}

/** What yargs reports where a command is missing. */
export const NO_COMMAND = "A command is required";

/**
 * The error for what yargs found wrong, with the closest known name and the usage.
 *
 * @param message message of yargs, in English
 */
export function describeMistake(message: string, argv: readonly string[], place: Place): UsageError {
  const path = [place.program, ...place.usage.split(" ").filter((word) => !/^[<[]/.test(word))].join(" ");
  const { commands } = place;
  const hint =
    commands.length > 0 ? `Commands: ${commands.join(", ")}.` : `Usage: ${place.program} ${place.usage}.`;
  return new UsageError(problem(message, argv, place, path), `${hint} More: ${path} --help.`);
}

function problem(message: string, argv: readonly string[], place: Place, path: string): string {
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/s.exec(message)?.[1];
  if (unknown !== undefined) {
    // yargs names `--dry-runn` a second time as `dryRunn`, and counts both among the options that it has met.
    const names = new Set(unknown.split(", "));
    for (const name of names) names.delete(camelCase(name));
    const known = place.options.filter((name) => !names.has(name) && !/[A-Z]/.test(name));
    return [...names]
      .map((name) => describeUnknown(name, argv, { ...place, options: known }, path))
      .join(" ");
  }
  const invalid = [...message.matchAll(/Argument: (.*), Given: (.*), Choices: (.*)/g)];
  if (invalid.length > 0)
    return invalid
      .map(([, name = "", value, choices = ""]) => {
        const shown = place.usage.includes(name) ? `<${name}>` : `--${name}`;
        return `${shown} must be one of ${choices.replaceAll('"', "")}, not ${value}.`;
      })
      .join(" ");
  const valueless = /^Not enough arguments following: (.*)$/.exec(message)?.[1];
  if (valueless !== undefined) return `--${valueless} requires a value.`;
  if (/^Not enough non-option arguments/.test(message))
    return `${path} requires ${[...place.usage.matchAll(/<[^>]+>/g)].join(" and ")}.`;
  const missing = /^Missing required arguments?: (.*)$/m.exec(message)?.[1];
  if (missing !== undefined)
    return `${path} requires ${missing
      .split(", ")
      .map((name) => `--${name}`)
      .join(" and ")}.`;
  return message.replace(/\.?$/, ".");
}

function describeUnknown(name: string, argv: readonly string[], place: Place, path: string): string {
  const option = argv.find((word) => word.replace(/=.*$/s, "") === `--${name}` || word === `-${name}`);
  if (option !== undefined)
    return `${path} has no option ${option.replace(/=.*$/s, "")}.${suggestion(name, place.options, "--")}`;
  return place.commands.length > 0
    ? `${path} has no command "${name}".${suggestion(name, place.commands)}`
    : `${path} doesn't accept "${name}".`;
}

/** ` Did you mean --stage?`, or nothing when no name is close. */
function suggestion(name: string, known: readonly string[], prefix = ""): string {
  if (known.length === 0) return "";
  const best = closest(name, known);
  return distance(name, best) <= Math.max(1, Math.floor(best.length / 3))
    ? ` Did you mean ${prefix}${best}?`
    : "";
}

/** The other name of an option with a dash; of another name something that no option is called. */
function camelCase(name: string): string {
  return name.includes("-") ? name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) : "";
}
