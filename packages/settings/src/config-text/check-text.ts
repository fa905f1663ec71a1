import { type DbwardProgram, type ReadConfig, readConfig, variablesIn } from "@dbward-aws/dbward-config";
import type { Findings } from "../findings.ts";
import { variableReader } from "../schema/reserved-names.ts";
import { isSecretField, isVariable, plainSecretIn } from "./plain-secrets.ts";
import { chooseStandIns, type PossibleValues } from "./stand-ins.ts";
import { type Path, textsIn } from "./values.ts";

/** A configuration as its container gets it. */
export interface ContainerText {
  /** What findings call the text. */
  readonly name: string;
  readonly program: DbwardProgram;
  readonly text: string;
  /**
   * For each line of `text`, the line of the user's text that it is; `undefined` for one that the deployment adds.
   * @default - `text` is the user's
   */
  readonly origins?: readonly (number | undefined)[];
  /** Variables that the container has, with what is known of their values. */
  readonly variables: TextVariables;
  /** Setting under which further secrets are named, such as `server.secrets`. */
  readonly secretsSetting: string;
  /** Rules of dbward that the caller tells better itself. */
  readonly toldByCaller?: readonly string[];
}

export interface TextVariables {
  readonly secrets: PossibleValues;
  /** Variables whose values are known. */
  readonly plain: Readonly<Record<string, string>>;
}

/** What a checked text says, for further checks. */
export interface CheckedText {
  readonly config: NonNullable<ReadConfig["config"]>;
  /** The values with which it was read. */
  readonly standIns: Readonly<Record<string, string>>;
  /** Where a key or an element stands, as findings say it. */
  where(path: Path): string;
}

/**
 * Finds what dbward would refuse in a text with any value that its secrets may have, and what must not be in a text whose variables
 * are secrets: plain secrets, and variables whose value the deployment doesn't know or can't put in safely.
 *
 * @returns `undefined` when the text can't be read at all
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
    if (container.toldByCaller?.includes(rule)) continue;
    if (isAdded(container, line)) findings.refuse(name, `${ADDED} What dbward says of it: ${message}`);
    else
      findings.refuse(at(line), rule === "variable-unset" ? `${message} ${available(container)}` : message);
  }
  checkReferences(container, findings);
  checkQuotes(container, standIns, reading, findings);
  refusePlainSecrets(container, findings);
  return reading.config && { config: reading.config, standIns, where: (path) => at(reading.lineOf(path)) };
}

/** A conflict is found on a line of the deployment when the user's text leaves no place for it. */
const ADDED =
  "What the deployment adds finds no place in the text: write [auth], [[auth.roles]], [logging] and [result_storage] as tables " +
  "with such headers, not inline and not with dotted keys.";

function isAdded({ origins }: ContainerText, line: number): boolean {
  return origins !== undefined && origins[line - 1] === undefined;
}

function place({ name, origins }: ContainerText, line: number): string {
  return `${name}:${origins?.[line - 1] ?? line}`;
}

function available({ variables, secretsSetting }: ContainerText): string {
  const names = [...Object.keys(variables.secrets), ...Object.keys(variables.plain)];
  return `The container has ${names.join(", ")}; name the secret of a further one under ${secretsSetting}.`;
}

/** Variables that the container doesn't have from the settings, and that the text can do without. */
function checkReferences(container: ContainerText, findings: Findings): void {
  const { text, variables } = container;
  for (const { name, optional } of variablesIn(text)) {
    if (!optional || name in variables.secrets || name in variables.plain) continue;
    const where = place(container, lineOfReference(text, name));
    const reader = variableReader(name);
    if (reader)
      findings.refuse(
        where,
        `\${${name}} has a value of its own in the container, which isn't known before a task starts: ${reader}. Write the value itself`,
      );
    else
      findings.warn(
        where,
        `\${${name}:-…} always stands for its default, since the container has no such variable. ${available(container)}`,
      );
  }
}

/** What a container makes of a secret whose value is `"$\`: see the command that prepares secrets in dbward-config. */
const ESCAPED = '\\"\\u0024\\\\';

/**
 * A secret's value is written as TOML has it between double quotes. Anywhere else it would be another text, or none: then dbward prints the
 * line, secret included, into its log.
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
        `\${${name}} must stand in double quotes: "\${${name}}". It comes from a secret, whose value is put in as a text; a number or ` +
          "a list belongs into the file itself",
      );
  }
}

/**
 * Refuses tokens and passwords in the text: it is part of a CloudFormation template, or in a parameter that more people may read than a
 * secret. Values are named by their field; what stands
 * in a comment or a key, or where the text can't be read, by its line.
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
      `${what} in plain text, for everybody who may read the template or the parameter: read it from a variable, and name its secret ` +
        `under ${container.secretsSetting}`,
    );
  };
  for (const { path, text: value, isKey } of textsIn(config ?? {})) {
    const written = value.replace(/\uE000(\w+)\uE001/g, (_, name) => `\${${name}}`);
    const secret = plainSecretIn(written);
    if (secret && isKey) refuse(lineOf(path), `A key holds ${secret}`);
    else if (secret) refuse(lineOf(path), `${path.join(".")} holds ${secret}`);
    else if (!isKey && isSecretField(path) && !isVariable(written))
      refuse(
        lineOf(path),
        `${path.join(".")} is a secret and must be a variable alone, "\${NAME}". It is written`,
      );
  }
  for (const [index, line] of text.split("\n").entries()) {
    const secret = known.has(index + 1) ? undefined : plainSecretIn(line);
    if (secret) refuse(index + 1, `The line holds ${secret}`);
  }
}

/** A value for each variable that the container lacks, so that the rest of the text can be looked at. */
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
