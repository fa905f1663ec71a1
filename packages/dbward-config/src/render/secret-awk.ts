/**
 * awk program that prints the value of the environment variable that the variable `name` names, without the line ends at its end (a file
 * that was put into Secrets Manager often has one). Unless the variable `raw` is 1, the value is written so that dbward, which puts
 * variables into the text before it parses it, reads the very value between double quotes: quotes, backslashes, `$` and control characters
 * are escaped as TOML has it. Needs `LC_ALL=C`; holds no single quote.
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
 * awk program that reads a configuration and prints a line for each variable that stands for a whole URL (\`url = "\${NAME}"\`) and whose
 * value begins with no scheme that dbward knows: dbward itself would write such a value, password included, into its log. Exits with
 * status 1 then. Holds no single quote.
 */
export const URL_AWK = `
!/^[ \\t]*#/ && match($0, /url["\\047]?[ \\t]*=[ \\t]*"[$][{][A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?[}]"/) {
  name = substr($0, RSTART, RLENGTH)
  sub(/^[^{]*[{]/, "", name)
  sub(/[:}].*/, "", name)
  if (name in ENVIRON && ENVIRON[name] !~ /^(postgres|postgresql|mysql|https?):[\\/][\\/]/) {
    print "The secret of " name " holds no URL: postgres://, postgresql:// or mysql:// for a database, https:// for a webhook. Put the URL alone into it, not JSON."
    bad = 1
  }
}
END { exit bad }
`.trim();
