/** Parses a URL by the WHATWG rules, which dbward follows as well. */
export function parseUrl(value: string): URL | undefined {
  return URL.canParse(value) ? new URL(value) : undefined;
}
