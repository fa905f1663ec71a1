const REDACTED = "[redacted]";

/** Names of fields and parameters whose values are secrets, whatever they look like. */
const SECRET_NAMES = "tokenValue|secretString|password|authorization|responseURL";

/**
 * Each pattern keeps its first group and hides the rest of the match; none of them ends within an escape. The
 * texts come from containers and servers, so that each pattern must take linear time: its repetitions are
 * bounded, or can't start again at a later character.
 */
const SECRETS: readonly RegExp[] = [
  // A field of JSON, escaped up to four times (15 backslashes): the value ends at the same quote that began
  // it, or at the end of the text.
  new RegExp(`((?<!\\\\)(\\\\{0,15}")(?:${SECRET_NAMES})\\2\\s*:\\s*\\2).*?(?=(?<!\\\\)\\2|$)`, "gis"),
  // A header or a parameter outside of JSON.
  /(\bauthorization\s*[:=]\s*)[^"',;\\\r\n]+/gi,
  new RegExp(`(\\b(?:${SECRET_NAMES})\\s*[:=]\\s*)[^"',\\s}\\\\[]+`, "gi"),
  // dbward's tokens: `dbw_` and 32 hex digits; anything longer or shorter after `dbw_` is hidden as well.
  /((?:d|%64)(?:b|%62)(?:w|%77)(?:_|%5[fF]))[A-Za-z0-9%]+/g,
  // `dbw_` in hex.
  /()6462775f[0-9a-f]*/gi,
  // `dbw_` in base64, at each of the three places in a group of bytes where it can begin.
  /()(?:ZGJ3X|[GWm2]Rid1[89]|kYndf)[A-Za-z0-9+/=_-]*/g,
  /(\bbearer\s+)[^\s"',;\\[]+/gi,
  // Signed URLs: a custom resource's ResponseURL is a credential.
  /(\bX-Amz-(?:Signature|Credential|Security-Token)=)[^&\s"'\\]+/gi,
];

const SECRET_NAME = new RegExp(`^(?:${SECRET_NAMES})$`, "i");

/**
 * `text` with `[redacted]` in place of everything that looks like a secret; takes time linear in its length.
 */
export function redact(text: string): string {
  return SECRETS.reduce(
    (redacted, secret) => redacted.replace(secret, `$1${REDACTED}`),
    text.replace(/[^\s"']+/g, withoutPassword),
  );
}

/**
 * The value of a field as it may be shown: strings are redacted, and the value of a field with a secret's
 * name is hidden completely.
 */
export function redactField(name: string, value: unknown): unknown {
  if (typeof value === "string") return SECRET_NAME.test(name) ? REDACTED : redact(value);
  return value;
}

/**
 * Hides the password of a URL such as `postgres://user:password@host` in a run of characters without spaces.
 * A password may contain slashes and at signs that should have been escaped, so that it ends at the last at
 * sign of the run.
 */
function withoutPassword(run: string): string {
  const end = run.lastIndexOf("@");
  const begin = end < 0 ? undefined : /\b[a-z][a-z0-9+.-]{0,30}:\/\/[^:/@\\]*:/i.exec(run.slice(0, end));
  if (!begin) return run;
  const start = begin.index + begin[0].length;
  return start < end ? `${run.slice(0, start)}${REDACTED}${run.slice(end)}` : run;
}
