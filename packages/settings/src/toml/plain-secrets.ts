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

function isUrlWithPassword(text: string): boolean {
  const password = /^[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:([^\s/@]+)@/i.exec(text)?.[1];
  return password !== undefined && !/^\$\{\w+\}$/.test(password);
}
