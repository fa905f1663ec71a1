import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { type ConfigSource, checkConfig, type DbwardProgram, variablesIn } from "@dbward-aws/dbward-config";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as ssm from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";
import type { PropProblems } from "../prop-problems.ts";
import { ContainerSecret } from "./container-secret.ts";

/** Where a configuration of dbward comes from; `ServerConfig` and `AgentConfig` are made of it. */
export interface ConfigText {
  /** What messages call it: the file's name, or `the text`. */
  readonly name: string;
  readonly source: ConfigSource;
  /** Customer managed key of the parameter. @default - a key of AWS */
  readonly encryptionKey?: kms.IKey | undefined;
  /** Whether the text is yet to be checked: the settings of a stage have checked theirs. */
  readonly isChecked?: boolean;
}

/** How a configuration is read from an SSM parameter. */
export interface ParameterOptions {
  /** Customer managed key of the parameter. @default - a key of AWS */
  readonly encryptionKey?: kms.IKey;
}

/** @throws Error when the file can't be read */
export function textOfFile(path: string): ConfigText {
  return { name: basename(path), source: { source: "rendered", toml: readFileSync(path, "utf8") } };
}

export function textOfString(toml: string): ConfigText {
  return { name: "the text", source: { source: "rendered", toml } };
}

export function textOfParameter(parameter: string, { encryptionKey }: ParameterOptions): ConfigText {
  return { name: parameter, source: { source: "ssm", parameter }, encryptionKey };
}

/** The text of a parameter, as a secret of the container; `undefined` for a text that is in the template. */
export function configSecret(
  scope: Construct,
  { source, encryptionKey }: ConfigText,
): ContainerSecret | undefined {
  if (source.source === "rendered") return undefined;
  const parameter = ssm.StringParameter.fromSecureStringParameterAttributes(scope, "Config", {
    parameterName: source.parameter,
  });
  return ContainerSecret.ofParameter(parameter, encryptionKey);
}

/**
 * Values for a secret that is not known before a task starts, one of which fits wherever a secret may stand:
 * a text is refused when dbward refuses it with each of them.
 */
const POSSIBLE_VALUES = [
  "postgres://user:secret@db.internal/app",
  "https://hooks.example.com",
  "stand-in",
  "10.0.0.0/8",
] as const;

/** A token of dbward, or a URL with a password in it. */
const PLAIN_SECRET = /dbw_[0-9a-f]{32}|:\/\/[^\s:/@"']+:(?!\$\{)[^\s@"']+@/;

/**
 * Reports what dbward would refuse in a text, variables without a secret included.
 *
 * @param text as the container gets it. @default - the text of the source; nothing is said of a parameter
 * @param variables with a value that is known already, or `undefined` for one that comes from a secret
 */
export function checkConfigText(
  program: DbwardProgram,
  config: ConfigText,
  variables: Readonly<Record<string, string | undefined>>,
  problems: PropProblems,
  render: (toml: string) => string = (toml) => toml,
): void {
  if (config.source.source !== "rendered" || config.isChecked) return;
  const text = render(config.source.toml);
  const findings = POSSIBLE_VALUES.map((value) =>
    checkConfig(
      program,
      text,
      Object.fromEntries(Object.entries(variables).map(([name, known]) => [name, known ?? value])),
    ),
  );
  const fewest = findings.reduce((best, each) => (each.length < best.length ? each : best));
  for (const { line, message } of fewest)
    problems.expect(false, "config", `${config.name}:${line}: ${message}`);
  for (const [index, line] of text.split("\n").entries())
    problems.expect(
      !PLAIN_SECRET.test(line),
      "config",
      `${config.name}:${index + 1} holds a token or a password, which everybody who may read the template would see: write "\${NAME}" in ` +
        "its place, and put the value into a secret",
    );
  const used = variablesIn(text).map(({ name }) => name);
  for (const [name, known] of Object.entries(variables))
    if (known === undefined && !used.includes(name))
      problems.expect(
        false,
        "config",
        `${config.name} does not refer to "\${${name}}", which a secret fills`,
      );
}
