import { OWNED } from "./owned-texts.ts";
import { PATTERNS, type PatternName } from "./patterns.ts";

/**
 * What `renderServerConfig` does, as an awk program: reads a server.toml and prints it as the server is to read it. The
 * stage's `[result_storage]` comes from the environment variable that the variable `storage` names. Runs in any POSIX awk with
 * `LC_ALL=C`; holds no single quote, so that it can stand between two of them.
 */
export const SERVER_CONFIG_AWK = `
function scan(s,   i, c) {
  for (i = 1; i <= length(s); i++) {
    c = substr(s, i, 1)
    if (c == "$" && match(substr(s, i), ${regex("variable")})) i += RLENGTH - 1
    else if (quote != "") {
      if (c == "\\\\" && substr(quote, 1, 1) == "\\"") i++
      else if (substr(s, i, length(quote)) == quote) {
        i += length(quote) - 1
        if (length(quote) == 3) while (substr(s, i + 1, 1) == substr(quote, 1, 1)) i++
        quote = ""
      }
    }
    else if (c == "#") break
    else if (c == "\\"" || c == "\\047") {
      quote = substr(s, i, 3) == c c c ? c c c : c
      i += length(quote) - 1
    }
    else if (c == "[" || c == "{") depth++
    else if (c == "]" || c == "}") depth--
  }
  if (length(quote) == 1) quote = ""
}
BEGIN { table = "root" }
NR == 1 { sub(/^\\357\\273\\277/, "") }
{
  line[NR] = $0
  if (quote == "" && depth <= 0) {
    replacing = 0
    if ($0 ~ ${regex("header")}) {
      table = $0 ~ ${regex("storageTable")} ? "storage" : $0 ~ ${regex("loggingTable")} ? "logging" : $0 ~ ${regex("roleTable")} ? "role" : "other"
      has[table] = 1
      after[NR] = table
      next
    }
    if ($0 !~ ${regex("blank")}) {
      if (table == "root" && $0 ~ ${regex("stateDirectory")}) has["state"] = 1
      if (table == "logging" && $0 ~ ${regex("logFormat")}) has["format"] = 1
      if (table == "role" && $0 ~ ${regex("metricsRole")}) has["metrics"] = 1
      replacing = table == "storage" && $0 ~ ${regex("ownedStorage")}
    }
  }
  if (replacing) dropped[NR] = 1
  scan($0)
}
END {
  keys = substr(ENVIRON[storage], index(ENVIRON[storage], "\\n") + 1)
  if (!has["state"]) ${printed(OWNED.stateDirectory)}
  for (i = 1; i <= NR; i++) {
    if (!dropped[i]) print line[i]
    if (after[i] == "storage") print keys
    if (after[i] == "logging" && !has["format"]) ${printed(OWNED.logFormat)}
  }
  if (!has["logging"]) ${printed(["", "[logging]", ...OWNED.logFormat])}
  if (!has["metrics"]) ${printed(["", ...OWNED.metricsRole])}
  if (!has["storage"]) print "\\n" ENVIRON[storage]
}
`.trim();

/** A pattern as awk's text. */
function regex(name: PatternName): string {
  return text(PATTERNS[name]);
}

function printed(lines: readonly string[]): string {
  return `print ${text(lines.join("\n"))}`;
}

/** JSON's escapes are awk's, but for the single quote. */
function text(value: string): string {
  return JSON.stringify(value).replaceAll("'", "\\047");
}
