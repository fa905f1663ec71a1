import { domainToUnicode } from "node:url";

/** Parses a URL by the WHATWG rules, which dbward follows as well. */
export function parseUrl(value: string): URL | undefined {
  // Not URL.canParse: in Node.js 20 and 22, once compiled, it refuses the letters between U+0080 and U+00FF.
  try {
    const url = new URL(value);
    return url.hostname.split(".").some(isBadPunycode) ? undefined : url;
  } catch {
    return undefined;
  }
}

/** Node.js 24 takes a label that begins with `xn--` and encodes nothing; dbward and older versions refuse it. */
function isBadPunycode(label: string): boolean {
  return label.startsWith("xn--") && domainToUnicode(label).startsWith("xn--");
}
