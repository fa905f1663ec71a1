import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { type ConfigSource, Findings } from "@dbward-aws/dbward-config";
import { Annotations } from "aws-cdk-lib";
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
 * Checks a text by the rules that the settings of a stage are checked by; its warnings become those of
 * `scope`. Nothing is known of a parameter, and a text that was checked before is not checked again.
 *
 * @param check `checkServerText` or `checkAgentText`, with what the text has to fit
 */
export function checkConfigText(
  scope: Construct,
  { name, source, isChecked }: ConfigText,
  problems: PropProblems,
  check: (name: string, toml: string, findings: Findings) => void,
): void {
  if (source.source !== "rendered" || isChecked) return;
  const findings = new Findings();
  check(name, source.toml, findings);
  for (const { where, message } of findings.problems)
    problems.expect(false, "config", `${where}: ${message}`);
  for (const [index, warning] of findings.warnings.entries())
    Annotations.of(scope).addWarningV2(`@dbward-aws/infra:config-${index}`, warning);
}
