import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Findings } from "./findings.ts";
import type { ConfigSettings } from "./stage-settings.ts";
import { TomlDocument } from "./toml/toml-document.ts";

/** The configuration of a container, and its parsed text when the deployment owns it. */
export interface ReadConfig {
  readonly settings: ConfigSettings;
  readonly document?: TomlDocument;
}

/** The text becomes part of a task definition, which ECS takes up to 64 KiB in all. */
const MAX_BYTES = 48 * 1024;

/**
 * Reads what `configFile`, `configToml` or `configParameter` names. `undefined` when there is nothing to read, which
 * the schema has told already, or when what there is can't be read.
 */
export function readConfig(
  { configFile, configToml, configParameter }: Readonly<Record<string, unknown>>,
  { at, root }: { readonly at: string; readonly root: string },
  findings: Findings,
): ReadConfig | undefined {
  if (typeof configParameter === "string") return { settings: { source: "ssm", parameter: configParameter } };
  if (typeof configToml === "string") return parsed(`${at}.configToml`, configToml, findings);
  if (typeof configFile !== "string" || configFile === "") return undefined;
  try {
    return parsed(configFile, readFileSync(resolve(root, configFile), "utf8"), findings);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "there is no such file" : String(code ?? error);
    findings.refuse(`${at}.configFile`, `${configFile} can't be read: ${reason}`);
    return undefined;
  }
}

function parsed(name: string, text: string, findings: Findings): ReadConfig | undefined {
  // Some editors begin a file with a byte order mark, which not every reader of TOML takes.
  const toml = text.replace(/^\uFEFF/, "");
  const size = Buffer.byteLength(toml);
  if (size > MAX_BYTES)
    findings.refuse(name, `is ${Math.ceil(size / 1024)} KiB long; a task definition holds 48 KiB at most`);
  const document = TomlDocument.read(name, toml);
  if (document instanceof TomlDocument) return { settings: { source: "rendered", toml }, document };
  findings.refuse(document.where, document.message);
  return undefined;
}
