const REDACTED = "[redacted]";

/** Names of fields and parameters whose value is a secret, whatever it looks like. */
const SECRET_NAMES = "tokenValue|secretString|password|authorization|responseURL";

/** Each pattern keeps its first group and hides the rest of what it matches; none of them ends within an escape. */
const SECRETS: readonly RegExp[] = [
  // A field of JSON, however often the JSON was escaped: the value ends where the quote that began it comes again.
  new RegExp(`((\\\\*")(?:${SECRET_NAMES})\\2\\s*:\\s*\\2).*?(?=(?<!\\\\)\\2)`, "gis"),
  // A header or a parameter outside of JSON.
  /(\bauthorization\s*[:=]\s*)[^"',;\\\r\n]+/gi,
  new RegExp(`(\\b(?:${SECRET_NAMES})\\s*[:=]\\s*)[^"',\\s}\\\\[]+`, "gi"),
  // dbward's tokens: `dbw_` and 32 hex digits; anything longer or shorter that starts so is hidden as well.
  /(dbw_)[A-Za-z0-9]+/g,
  // `dbw_` in base64, at each of the three places in a group of bytes where it can begin.
  /()(?:ZGJ3X|[GWm2]Rid1[89]|kYndf)[A-Za-z0-9+/=_-]*/g,
  /(\bbearer\s+)[^\s"',;\\[]+/gi,
  // A password in a URL, as in postgres://user:password@host.
  /(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/@"'\\]*:)[^\s"']+(?=@)/gi,
  // Signed URLs: a custom resource's ResponseURL is a credential.
  /(\bX-Amz-(?:Signature|Credential|Security-Token)=)[^&\s"'\\]+/gi,
];

const SECRET_NAME = new RegExp(`^(?:${SECRET_NAMES})$`, "i");

/** `text` with everything in it that looks like a secret replaced by `[redacted]`. */
export function redact(text: string): string {
  return SECRETS.reduce((redacted, secret) => redacted.replace(secret, `$1${REDACTED}`), text);
}

/** `value` of a field as it may be shown: strings are redacted, and a field with a secret's name is hidden whole. */
export function redactField(name: string, value: unknown): unknown {
  if (typeof value === "string") return SECRET_NAME.test(name) ? REDACTED : redact(value);
  return value;
}
