/**
 * An awk program that copies a TOML document without `[result_storage]`: its tables, tables below it, and keys of
 * that name at the root. Strings and arrays of many lines are followed, so that a line in them is never taken for a
 * header. A byte order mark at the beginning goes as well. Runs in any POSIX awk; holds no single quote, so that it can stand between two of them.
 */
export const DROP_RESULT_STORAGE = String.raw`
function scan(s,   i, c) {
  for (i = 1; i <= length(s); i++) {
    c = substr(s, i, 1)
    if (quote != "") {
      if (c == "\\" && substr(quote, 1, 1) == "\"") i++
      else if (substr(s, i, length(quote)) == quote) {
        i += length(quote) - 1
        if (length(quote) == 3) while (substr(s, i + 1, 1) == substr(quote, 1, 1)) i++
        quote = ""
      }
    }
    else if (c == "#") break
    else if (c == "\"" || c == "\047") {
      quote = substr(s, i, 3) == c c c ? c c c : c
      i += length(quote) - 1
    }
    else if (c == "[" || c == "{") depth++
    else if (c == "]" || c == "}") depth--
  }
  if (length(quote) == 1) quote = ""
}
BEGIN {
  name = "[ \t]*(result_storage|\"result_storage\"|\047result_storage\047)[ \t]*"
  header = "^[ \t]*\\[\\[?" name "[].]"
  key = "^" name "[=.]"
}
NR == 1 { sub(/^\357\273\277/, "") }
quote == "" && depth == 0 {
  if ($0 ~ /^[ \t]*\[/) { below = 1; drop = ours = $0 ~ header; if (!drop) print; next }
  drop = $0 !~ /^[ \t\r]*(#|$)/ && (below ? ours : $0 ~ key)
}
{ scan($0); if (!drop) print }
`.trim();
