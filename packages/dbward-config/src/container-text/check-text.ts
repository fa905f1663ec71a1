import { variableReader } from "@dbward-aws/contract";
import { type DbwardProgram, type ReadConfig, readConfig } from "../check-config.ts";
import { variablesIn } from "../variables/references.ts";
import type { Findings } from "./findings.ts";
import { isSecretField, isVariable, plainSecretIn } from "./plain-secrets.ts";
import { chooseStandIns, type PossibleValues } from "./stand-ins.ts";
import { type Path, textsIn } from "./values.ts";

/** A configuration in the form in which its container gets it. */
export interface ContainerText {
  /** Name of the text in findings. */
  readonly name: string;
  readonly program: DbwardProgram;
  readonly text: string;
  /**
   * For each line of `text`, the line of the user's text that it is; `undefined` for one that the deployment adds.
   * @default - `text` is the user's
   */
  readonly origins?: readonly (number | undefined)[];
  /** The container's variables, with what is known about their values. */
  readonly variables: TextVariables;
  /** Setting that names further secrets, such as `server.secrets`. */
  readonly secretsSetting: string;
  /** Rules of dbward that the caller reports itself, in better words. */
  readonly reportedByCaller?: readonly string[];
}

export interface TextVariables {
  readonly secrets: PossibleValues;
  /** Variables whose values are known. */
  readonly plain: Readonly<Record<string, string>>;
}

/** The content of a checked text, for further checks. */
export interface CheckedText {
  readonly config: NonNullable<ReadConfig["config"]>;
  /** The values with which it was read. */
  readonly standIns: Readonly<Record<string, string>>;
  /** Place of a key or an element, in the form that findings use. */
  where(path: Path): string;
}

/**
 * Reports what dbward would refuse whatever the values of its secrets are, and what must not be in such a text: secrets in plain text,
 * and variables whose values the deployment doesn't know or can't insert safely.
 *
 * @returns `undefined` when the text can't be parsed
 */
export function checkText(container: ContainerText, findings: Findings): CheckedText | undefined {
  const { program, name, text, variables } = container;
  const standIns = {
    ...variables.plain,
    ...chooseStandIns(program, text, variables.secrets),
  };
  const reading = readConfig(program, text, standIns);
  const at = (line: number) => place(container, line);
  for (const { line, rule, message } of reading.problems) {
    if (container.reportedByCaller?.includes(rule)) continue;
    if (isAdded(container, line)) findings.refuse(name, `${ADDED} dbward reports: ${message}`, rule);
    else
      findings.refuse(
        at(line),
        rule === "variable-unset" ? `${message} ${available(container)}` : message,
        rule,
      );
  }
  checkReferences(container, findings);
  checkQuotes(container, standIns, reading, findings);
  refusePlainSecrets(container, findings);
  return reading.config && { config: reading.config, standIns, where: (path) => at(reading.lineOf(path)) };
}

/** A conflict is reported on a line that the deployment adds when the user's text has no place for it. */
const ADDED =
  "The deployment can't add its own lines to this text: write [auth], [[auth.roles]], [logging] and [result_storage] as tables " +
  "with these headers, not inline and not with dotted keys.";

function isAdded({ origins }: ContainerText, line: number): boolean {
  return origins !== undefined && origins[line - 1] === undefined;
}

function place({ name, origins }: ContainerText, line: number): string {
  return `${name}:${origins?.[line - 1] ?? line}`;
}

function available({ variables, secretsSetting }: ContainerText): string {
  const names = [...Object.keys(variables.secrets), ...Object.keys(variables.plain)];
  return `The container has ${names.join(", ")}; name the secret of another variable under ${secretsSetting}.`;
}

/** Variables with a default that the settings do not define. */
function checkReferences(container: ContainerText, findings: Findings): void {
  const { text, variables } = container;
  for (const { name, optional } of variablesIn(text)) {
    if (!optional || name in variables.secrets || name in variables.plain) continue;
    const where = place(container, lineOfReference(text, name));
    const reader = variableReader(name);
    if (reader)
      findings.refuse(
        where,
        `\${${name}} gets a value in the container that isn't known before a task starts: ${reader}. Write the value itself`,
        "variable-taken",
      );
    else
      findings.warn(
        where,
        `\${${name}:-…} always has its default, because the container has no such variable. ${available(container)}`,
      );
  }
}

/** The form that a container gives the secret `"$\`: see the command in dbward-config that prepares secrets. */
const ESCAPED = '\\"\\u0024\\\\';

/**
 * A secret's value is escaped for a TOML string in double quotes. Anywhere else it would be another text or a syntax error, and dbward
 * would log the line, including the secret.
 */
function checkQuotes(
  container: ContainerText,
  standIns: Readonly<Record<string, string>>,
  reading: ReadConfig,
  findings: Findings,
): void {
  const { program, text, variables } = container;
  if (reading.problems.some(({ rule }) => rule === "toml")) return;
  const everything = { ...missing(container), ...standIns };
  for (const { name } of variablesIn(text)) {
    if (!Object.hasOwn(variables.secrets, name)) continue;
    const probe = readConfig(program, text, { ...everything, [name]: `${standIns[name]}${ESCAPED}` });
    const broken = probe.problems.find(({ rule }) => rule === "toml")?.line;
    const raw = [...textsIn(probe.config ?? {})].find((found) => found.text.includes(ESCAPED));
    const line = broken ?? (raw && probe.lineOf(raw.path));
    if (line !== undefined)
      findings.refuse(
        place(container, line),
        `\${${name}} must be in double quotes: "\${${name}}". Its value comes from a secret and is inserted as text; write ` +
          "numbers and lists in the file itself",
        "secret-quotes",
      );
  }
}

/**
 * Refuses tokens and passwords in the text: it is part of a CloudFormation template, or in a parameter that more people can read than a
 * secret. Values are reported by their field; secrets in comments, in keys, or in a text that can't be parsed by their line.
 */
function refusePlainSecrets(container: ContainerText, findings: Findings): void {
  const { program, text, variables } = container;
  const names = [...Object.keys(variables.secrets), ...Object.keys(variables.plain)];
  const marked = Object.fromEntries(names.map((name) => [name, `\uE000${name}\uE001`]));
  const { config, lineOf } = readConfig(program, text, { ...missing(container), ...marked });
  const known = new Set<number>();
  const refuse = (line: number, what: string) => {
    known.add(line);
    findings.refuse(
      place(container, line),
      `${what} in plain text, visible to everyone who can read the template or the parameter: use a variable, and name its secret ` +
        `under ${container.secretsSetting}`,
      "plain-secret",
    );
  };
  for (const { path, text: value, isKey } of textsIn(config ?? {})) {
    const written = value.replace(/\uE000(\w+)\uE001/g, (_, name) => `\${${name}}`);
    const secret = plainSecretIn(written);
    if (secret && isKey) refuse(lineOf(path), `A key holds ${secret}`);
    else if (secret) refuse(lineOf(path), `${path.join(".")} holds ${secret}`);
    else if (!isKey && isSecretField(path) && !isVariable(written))
      refuse(lineOf(path), `${path.join(".")} is a secret and must be only a variable, "\${NAME}". It is`);
  }
  for (const [index, line] of text.split("\n").entries()) {
    const secret = known.has(index + 1) ? undefined : plainSecretIn(line);
    if (secret) refuse(index + 1, `The line holds ${secret}`);
  }
}

/** A value for each variable that the container lacks, so that the rest of the text can be checked. */
function missing({ text, variables }: ContainerText): Record<string, string> {
  const unknown = variablesIn(text).filter(
    ({ name, optional }) => !optional && !(name in variables.secrets) && !(name in variables.plain),
  );
  return Object.fromEntries(unknown.map(({ name }) => [name, "0"]));
}

function lineOfReference(text: string, name: string): number {
  const offset = new RegExp(`\\$\\{${name}(\\}|:-)`).exec(text)?.index ?? 0;
  return text.slice(0, offset).split("\n").length;
}
