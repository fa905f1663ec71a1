/**
 * awk program that prints the value of the environment variable named by the variable `name`, without line ends at its end (the value
 * of a secret that was stored from a file often has one). Unless the variable `raw` is 1, quotes, backslashes, `$` and control characters
 * are escaped for a TOML string in double quotes, because dbward inserts variables into the text before it parses it. Needs `LC_ALL=C`;
 * contains no single quote.
 */
export const SECRET_AWK = `
BEGIN {
  value = ENVIRON[name]
  sub(/[\\r\\n]+$/, "", value)
  if (raw) { printf "%s", value; exit }
  for (i = 1; i < 32; i++) if (i != 9) escaped[sprintf("%c", i)] = sprintf("\\\\u%04x", i)
  escaped[sprintf("%c", 127)] = "\\\\u007f"
  escaped["$"] = "\\\\u0024"
  escaped["\\""] = "\\\\\\""
  escaped["\\\\"] = "\\\\\\\\"
  for (i = 1; i <= length(value); i++) {
    c = substr(value, i, 1)
    printf "%s", (c in escaped) ? escaped[c] : c
  }
}
`.trim();

/**
 * awk program that reads a configuration and prints a line for each variable that is used as a whole URL (\`url = "\${NAME}"\`) and whose
 * value does not begin with a scheme that dbward supports: dbward would log such a value, including its password. It then exits with
 * status 1. Contains no single quote.
 */
export const URL_AWK = `
!/^[ \\t]*#/ && match($0, /url["\\047]?[ \\t]*=[ \\t]*"[$][{][A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?[}]"/) {
  name = substr($0, RSTART, RLENGTH)
  sub(/^[^{]*[{]/, "", name)
  sub(/[:}].*/, "", name)
  if (name in ENVIRON && ENVIRON[name] !~ /^(postgres|postgresql|mysql|https?):[\\/][\\/]/) {
    print "The secret of " name " is not a URL: postgres://, postgresql:// or mysql:// for a database, https:// for a webhook. Store only the URL in it, not JSON."
    bad = 1
  }
}
END { exit bad }
`.trim();
