const REDACTED = "[redacted]";

/** Each pattern keeps its first group and hides the rest of what it matches. */
const SECRETS: readonly RegExp[] = [
  // dbward's tokens: `dbw_` and 32 hex digits; anything longer or shorter that starts so is hidden as well.
  /(dbw_)[A-Za-z0-9]+/g,
  /(\bbearer\s+)[^\s"',;]+/gi,
  // A password in a URL, as in postgres://user:password@host.
  /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"']*:)[^\s"']+(?=@)/gi,
  // Signed URLs (a custom resource's ResponseURL is a credential) and the query of a data channel.
  /(\bX-Amz-(?:Signature|Credential|Security-Token)=)[^&\s"']+/gi,
  /("?(?:tokenValue|secretString|password|authorization|responseURL)"?\s*[:=]\s*"?)[^"',\s}]+/gi,
];

/** `text` with everything in it that looks like a secret replaced by `[redacted]`. */
export function redact(text: string): string {
  return SECRETS.reduce((redacted, secret) => redacted.replace(secret, `$1${REDACTED}`), text);
}
