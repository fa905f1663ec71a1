import { agent } from "./agent/agent.ts";
import type { Problem } from "./problem.ts";
import { ROOT } from "./schema/path.ts";
import { Report } from "./schema/report.ts";
import type { Type } from "./schema/types.ts";
import { server } from "./server/server.ts";
import { type ConfigTable, plainTable, type TableEntry, TableNode, type TomlNode } from "./toml/nodes.ts";
import { readToml, TomlError } from "./toml/read-toml.ts";
import { type Expansion, expand } from "./variables/expand.ts";

/** dbward's two programs, each with its own configuration. */
export type DbwardProgram = "server" | "agent";

const RULES: Readonly<Record<DbwardProgram, Type>> = { server, agent };

/** Result of {@link readConfig}. */
export interface ReadConfig {
  /** What dbward refuses, in the order of the lines. Empty when dbward accepts the text. */
  readonly problems: Problem[];
  /** The content after expansion. Undefined when a variable is missing or the text is not TOML. */
  readonly config?: ConfigTable;
  /**
   * Line of the user's text, from 1, of a key or an element of an array. For a path that does not exist, the line of its last existing
   * step. 1 without a `config`.
   */
  lineOf(path: readonly (string | number)[]): number;
}

/**
 * Everything that dbward 0.2.0 refuses in a configuration: variables that can't be expanded, invalid TOML, and violations of dbward's
 * own rules, including those that it checks only after its start. Empty when dbward accepts the text. Never throws.
 *
 * @param variables the environment of the program
 */
export function checkConfig(
  program: DbwardProgram,
  text: string,
  variables: Readonly<Record<string, string>>,
): Problem[] {
  return readConfig(program, text, variables).problems;
}

/** {@link checkConfig} that also returns the content of the text. */
export function readConfig(
  program: DbwardProgram,
  text: string,
  variables: Readonly<Record<string, string>>,
): ReadConfig {
  const expansion = expand(text, variables);
  const root = parse(expansion);
  if (!(root instanceof TableNode)) return { problems: merge(expansion.problems, root), lineOf: () => 1 };
  const problems = merge(expansion.problems, checkRules(program, root, expansion, variables));
  if (expansion.problems.length > 0) return { problems, lineOf: () => 1 };
  return {
    problems,
    config: plainTable(root),
    lineOf: (path) => expansion.source.line(offsetOf(root, path)),
  };
}

function offsetOf(root: TableNode, path: readonly (string | number)[]): number {
  let node: TomlNode = root;
  let offset = 0;
  for (const step of path) {
    const entry: TableEntry | undefined = node.kind === "table" ? node.entries.get(String(step)) : undefined;
    const next: TomlNode | undefined =
      entry?.value ?? (node.kind === "array" ? node.items[Number(step)] : undefined);
    if (next === undefined) break;
    offset = entry?.key.start ?? next.start;
    node = next;
  }
  return offset;
}

function parse({ text, source, problems }: Expansion): TableNode | Problem[] {
  try {
    return readToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const line = source.line(error.offset);
    // A reference that can't be expanded may be the only problem of its line.
    if (problems.some((problem) => problem.line === line)) return [];
    const key = error.key && source.written(error.key);
    return [{ line, rule: "toml", message: `Not TOML 1.0: ${key ? `${key} ` : ""}${error.message}.` }];
  }
}

function checkRules(
  program: DbwardProgram,
  root: TableNode,
  { source }: Expansion,
  variables: Readonly<Record<string, string>>,
): Problem[] {
  const report = new Report(source, variables);
  RULES[program].read(root, ROOT, report);
  return report.problems;
}

function merge(...lists: Problem[][]): Problem[] {
  return lists.flat().sort((a, b) => a.line - b.line);
}
