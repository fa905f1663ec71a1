const TOKEN = /dbw_[0-9a-f]{8,}|xox[abp]-[0-9A-Za-z-]{8,}/;

/** Where a URL holds a password; in a database's, people forget to escape slashes and at signs. */
const PASSWORDS: readonly RegExp[] = [
  /^[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:([^\s/@]+)@/i,
  /^(?:postgres|postgresql|mysql):\/\/[^\s:/@]*:(\S+)@/i,
  /^[a-z][a-z0-9+.-]*:\/\/\S*[?&]password=([^&\s]+)/i,
];

/** Whether a text holds a token, or a URL with a password, that is not a variable. */
export function holdsPlainSecret(text: string): boolean {
  return TOKEN.test(text) || PASSWORDS.some((pattern) => isSecret(pattern.exec(text)?.[1]));
}

function isSecret(password: string | undefined): boolean {
  return password !== undefined && !/^\$\{\w+\}$/.test(password);
}
