import type { Findings } from "../findings.ts";
import type { TomlDocument } from "./toml-document.ts";
import { texts } from "./values.ts";

/** Refuses tokens and passwords in a document's text: it becomes part of a CloudFormation template. */
export function refusePlainSecrets(document: TomlDocument, findings: Findings): void {
  for (const { path, text } of texts(document.root))
    if (TOKEN.test(text) || isUrlWithPassword(text))
      findings.refuse(
        document.where(path),
        `${path.join(".")} holds a secret in plain text, which would stand in the CloudFormation template: ` +
          "read it from a variable of the environment, and name its secret under secrets",
      );
}

const TOKEN = /dbw_[0-9a-f]{8,}|xox[abp]-[0-9A-Za-z-]{8,}/;

/** Where a URL holds a password; in a database's, people forget to escape slashes and at signs. */
const PASSWORDS: readonly RegExp[] = [
  /^[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:([^\s/@]+)@/i,
  /^(?:postgres|postgresql|mysql):\/\/[^\s:/@]*:(\S+)@/i,
  /^[a-z][a-z0-9+.-]*:\/\/\S*[?&]password=([^&\s]+)/i,
];

function isUrlWithPassword(text: string): boolean {
  return PASSWORDS.some((pattern) => {
    const password = pattern.exec(text)?.[1];
    return password !== undefined && !/^\$\{\w+\}$/.test(password);
  });
}
