import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { ConfigSource, Findings } from "@dbward-aws/dbward-config";

/** The source of a container's configuration, and its text if the settings have it. */
export interface SourcedConfig {
  readonly source: ConfigSource;
  /** Name of the text in findings. */
  readonly name: string;
  readonly toml?: string;
}

/** The text becomes part of a task definition, whose size ECS limits to 64 KiB. */
const MAX_BYTES = 48 * 1024;

/**
 * Reads the configuration that `configFile`, `configToml` or `configParameter` names. `undefined` when none is set, which the schema
 * reports, or when the file can't be read.
 */
export function readConfig(
  { configFile, configToml, configParameter }: Readonly<Record<string, unknown>>,
  { at, root }: { readonly at: string; readonly root: string },
  findings: Findings,
): SourcedConfig | undefined {
  if (typeof configParameter === "string")
    return { source: { source: "ssm", parameter: configParameter }, name: configParameter };
  if (typeof configToml === "string") return rendered(`${at}.configToml`, configToml, findings);
  if (typeof configFile !== "string" || configFile === "") return undefined;
  try {
    const bytes = readFileSync(resolve(root, configFile));
    return rendered(configFile, decode(bytes), findings);
  } catch (error) {
    findings.refuse(`${at}.configFile`, `${configFile} can't be read: ${reasonOf(error)}`);
    return undefined;
  }
}

function rendered(name: string, toml: string, findings: Findings): SourcedConfig {
  const size = Buffer.byteLength(toml);
  if (size > MAX_BYTES)
    findings.refuse(name, `is ${Math.ceil(size / 1024)} KiB long, but a task definition has room for 48 KiB`);
  return { source: { source: "rendered", toml }, name, toml };
}

/** @throws TypeError when the bytes are not UTF-8 */
function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  return error instanceof TypeError ? "it is not UTF-8. Save it in that encoding" : String(code ?? error);
}
