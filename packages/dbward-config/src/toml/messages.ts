/** The parser's messages in other words. None of them quotes the text, which may contain the value of a variable. */
const WORDS: Readonly<Record<string, string>> = {
  "Unterminated string constant": "a string is not closed",
  "Unterminated table-key": 'a header is not closed by "]"',
  "Unterminated array": 'an array is not closed by "]"',
  "Unterminated inline table": 'an inline table is not closed by "}"',
  "Empty bare keys are not allowed": "a key is missing",
  "Must be a newline": "there is something else on the same line; each key and header needs its own line",
  "Expected equal (=) token": 'a "=" must follow the key',
  "Unspecified values are invalid": 'a value must follow the "="',
  "Expected comma (,) token": 'a "," must separate two values',
  "Defining a key multiple times is invalid": "a key is defined twice",
  "Unexpected character":
    'unexpected character; strings need quotes, and so do keys with characters other than A-Z, a-z, 0-9, "_" and "-"',
  "Unexpected token": "unexpected text",
  "The key, equals sign, and value must be on the same line":
    'a key, its "=" and the value must be on one line',
  "No newlines are allowed between the curly braces unless they are valid within a value":
    "an inline table must be on one line",
  "Underscores are allowed between digits": 'a "_" in a number must be between two digits',
  "Unexpected spaces": 'there must be no space between the brackets of "[[" or "]]"',
  "Three or more quotes are not permitted": "a multi-line string contains or ends with too many quotes",
  "Unexpected invalid date": "a date does not exist",
  "Unexpected invalid time": "a time does not exist",
  "Leading zeros are not allowed": "a number has a leading zero",
  "Trailing comma is not permitted in an inline table": 'an inline table must not end with ","',
  "Invalid character in escape sequence":
    'a backslash in a "..." string must start one of \\b \\t \\n \\f \\r \\" \\\\ \\uXXXX \\UXXXXXXXX; a string in single quotes needs no escape',
  "Consecutive dots are not permitted in keys": "a name is missing between the dots of a key",
  "Keys cannot end with a dot": "a name is missing after the dot of a key",
  "Keys cannot start with a dot": "a name is missing before the dot of a key",
};

/** @param message the parser's, of toml-eslint-parser */
export function inPlainWords(message: string): string {
  if (message.startsWith("Invalid code point")) return "a \\u or \\U in a string must be a Unicode character";
  return WORDS[message] ?? "unexpected text";
}
