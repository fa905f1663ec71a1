/** Patterns of well-known secrets. */
const SECRETS: readonly (readonly [what: string, pattern: RegExp])[] = [
  ["a dbward token", /dbw_[0-9a-f]{8,}/i],
  ["a Slack token", /xox[a-z]-[0-9A-Za-z-]{8,}/],
  ["a Slack webhook URL", /hooks\.slack(?:-gov)?\.com\/(?:services|workflows|triggers)\/\w/i],
  ["an AWS access key", /(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])/],
  ["a private key", /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY/],
];

/** Fields of server.toml that dbward itself calls secrets, by their path without indices. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  "slack.bot_token",
  "slack.signing_secret",
  "webhooks.secret",
  "result_storage.secret_access_key",
]);

/** Whether dbward calls the field at `path` a secret. */
export function isSecretField(path: readonly (string | number)[]): boolean {
  return SECRET_FIELDS.has(path.filter((part) => typeof part === "string").join("."));
}

/** Whether a value is one variable and nothing else. */
export function isVariable(value: string): boolean {
  return /^\$\{\w+\}$/.test(value);
}

/**
 * The kind of secret that a text contains: `a dbward token`, `a password in a URL`. Variables such as `${NAME}` are not secrets.
 *
 * @returns `undefined` when there is none
 */
export function plainSecretIn(text: string): string | undefined {
  const found = SECRETS.find(([, pattern]) => pattern.test(text))?.[0];
  if (found) return found;
  return (text.match(/[^\s"']+/g) ?? []).some(hasPassword) ? "a password in a URL" : undefined;
}

/** In database URLs, people forget to escape slashes and at signs: the password ends at the last at sign. */
function hasPassword(word: string): boolean {
  const start = word.indexOf("://");
  if (start < 0) return false;
  const rest = word.slice(start + 3);
  const parameter = /[?&]password=([^&]+)/i.exec(rest)?.[1];
  if (parameter !== undefined && !isVariable(parameter)) return true;
  const colon = rest.indexOf(":");
  const isDatabase = /(?:postgres|postgresql|mysql)$/i.test(word.slice(0, start));
  const user = isDatabase ? rest : rest.slice(0, rest.search(/[/?#]|$/));
  const at = user.lastIndexOf("@");
  return colon >= 0 && colon < at && at - colon > 1 && !isVariable(rest.slice(colon + 1, at));
}
