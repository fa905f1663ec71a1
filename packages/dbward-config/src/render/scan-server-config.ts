import { PATTERNS, type PatternName } from "./patterns.ts";

/** The kind of a line in server.toml. `replaced`: a line of a key that the deployment sets itself. */
type LineKind = "storage-table" | "logging-table" | "replaced" | "other";

export interface LineScan {
  /** Without its line feed. */
  readonly text: string;
  readonly kind: LineKind;
  /** On the first line of a replaced key, the key. */
  readonly key?: string;
}

export interface ServerConfigScan {
  readonly lines: readonly LineScan[];
  /** Which of the deployment's additions the text already has. */
  readonly has: Readonly<
    Record<"stateDirectory" | "logFormat" | "loggingTable" | "metricsRole" | "storageTable", boolean>
  >;
}

/**
 * Finds, line by line, where the deployment adds or replaces something. Multi-line strings and arrays are tracked, so that a line inside
 * them is never mistaken for a header or a key. {@link SERVER_CONFIG_AWK} does the same in a container: change both.
 */
export function scanServerConfig(toml: string): ServerConfigScan {
  const has = {
    stateDirectory: false,
    logFormat: false,
    loggingTable: false,
    metricsRole: false,
    storageTable: false,
  };
  let open = CLOSED;
  let table: "root" | "storage" | "logging" | "role" | "other" = "root";
  let replacing = false;
  const lines = linesOf(toml).map((text): LineScan => {
    let kind: LineKind = "other";
    let key: string | undefined;
    if (!isOpen(open)) {
      replacing = false;
      if (is(text, "header")) {
        if (is(text, "storageTable")) [table, kind, has.storageTable] = ["storage", "storage-table", true];
        else if (is(text, "loggingTable"))
          [table, kind, has.loggingTable] = ["logging", "logging-table", true];
        else table = is(text, "roleTable") ? "role" : "other";
        return { text, kind };
      }
      if (!is(text, "blank")) {
        if (table === "root" && is(text, "stateDirectory")) has.stateDirectory = true;
        if (table === "logging" && is(text, "logFormat")) has.logFormat = true;
        if (table === "role" && is(text, "metricsRole")) has.metricsRole = true;
        key = table === "storage" ? EXPRESSIONS.ownedStorage.exec(text)?.[1] : undefined;
        replacing = key !== undefined;
      }
    }
    open = scan(text, open);
    return { text, kind: replacing ? "replaced" : kind, ...(key === undefined ? {} : { key }) };
  });
  return { lines, has };
}

/** The lines as awk reads them: a line feed at the end does not start another line. Some editors start a file with a byte order mark. */
function linesOf(toml: string): string[] {
  const lines = toml.replace(/^\uFEFF/, "").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

const EXPRESSIONS = Object.fromEntries(
  Object.entries(PATTERNS).map(([name, pattern]) => [name, new RegExp(pattern)]),
) as Record<PatternName, RegExp>;

function is(line: string, pattern: PatternName): boolean {
  return EXPRESSIONS[pattern].test(line);
}

/** What is open at the end of a line: a string, with its closing quotes, and the number of open brackets. */
interface Open {
  readonly quote: string;
  readonly depth: number;
}

const CLOSED: Open = { quote: "", depth: 0 };

function isOpen({ quote, depth }: Open): boolean {
  return quote !== "" || depth > 0;
}

function scan(line: string, { quote, depth }: Open): Open {
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    // A default may contain quotes and brackets.
    const variable = char === "$" ? EXPRESSIONS.variable.exec(line.slice(i)) : null;
    if (variable) i += variable[0].length - 1;
    else if (quote !== "") {
      if (char === "\\" && quote[0] === '"') i++;
      else if (line.startsWith(quote, i)) {
        i += quote.length - 1;
        // A multi-line string may end with quotes directly before the three that close it.
        if (quote.length === 3) while (line[i + 1] === quote[0]) i++;
        quote = "";
      }
    } else if (char === "#") break;
    else if (char === '"' || char === "'") {
      quote = line.startsWith(char.repeat(3), i) ? char.repeat(3) : char;
      i += quote.length - 1;
    } else if (char === "[" || char === "{") depth++;
    else if (char === "]" || char === "}") depth--;
  }
  return { quote: quote.length === 3 ? quote : "", depth };
}
