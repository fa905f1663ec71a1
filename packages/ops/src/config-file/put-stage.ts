import { parse } from "@babel/parser";
import type {
  Comment,
  File,
  ImportDeclaration,
  Node,
  ObjectExpression,
  ObjectProperty,
  Statement,
} from "@babel/types";
import { STATE_FILE, VERSIONS_FILE } from "@dbward-aws/settings";
import { Expression, keyText, literalText, Spread } from "./literal-text.ts";

/** What a stage takes from other files, as expressions of its settings file. */
export interface StageExpressions {
  /** Tag of the server's image. */
  readonly server: Expression;
  /** Tag of the agents' images. */
  readonly agents: Expression;
  /** The setting `state`, if the stage has one. */
  readonly state: Spread;
}

/** A settings file with a stage in it; or why the stage can't be put there. */
export type PutStage =
  | { readonly text: string; readonly block: string }
  | { readonly problem: string; readonly block: string };

/** Package from which a settings file takes `defineConfig`, `readVersions` and `readState`. */
const SETTINGS_PACKAGE = "@dbward-aws/settings";

/** A settings file without stages, for a project that has none. */
export const NEW_CONFIG_FILE = `import { defineConfig, readState, readVersions } from "${SETTINGS_PACKAGE}";

export default defineConfig({
  stages: {},
});
`;

/**
 * Puts a stage into the text of a dbward.config.ts: behind the other stages, or in the place of the one that
 * has its name, with the comment right above it. Everything else stays as it is, character by character: the
 * text is read into a syntax tree for the places alone.
 *
 * @param makeStage the stage as plain values and {@link Expression}s, with those that it is given
 */
export function putStage(
  source: string,
  stage: string,
  makeStage: (expressions: StageExpressions) => object,
): PutStage {
  const file = parseFile(source);
  if (typeof file === "string")
    return { problem: file, block: blockOf(stage, makeStage(expressionsIn(undefined, stage))) };
  const block = (indent: string) => blockOf(stage, makeStage(expressionsIn(file, stage)), indent);
  const found = findStages(file);
  if (typeof found === "string") return { problem: found, block: block("") };
  const edit = stageEdit(source, file, found, stage, block);
  if (typeof edit === "string") return { problem: edit, block: block("") };
  const edits = [edit, ...importEdits(file)];
  const text = edits
    .sort((a, b) => b.start - a.start)
    .reduce((result, { start, end, text: put }) => result.slice(0, start) + put + result.slice(end), source);
  return { text, block: block("") };
}

/** A change of a text: what stands from `start` to `end` is replaced. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** @returns why it can't be read, when it can't */
function parseFile(source: string): File | string {
  try {
    return parse(source, { sourceType: "module", plugins: ["typescript"], tokens: true });
  } catch (error) {
    return `it can't be parsed: ${(error as Error).message}`;
  }
}

function blockOf(stage: string, value: object, indent = ""): string {
  const key = `${keyText(stage)}: `;
  return key + literalText(value, indent, indent.length + key.length);
}

/** How the file reads what a stage takes from other files: by its own functions and constants, as the shipped one does, or written out. */
function expressionsIn(file: File | undefined, stage: string): StageExpressions {
  const quoted = JSON.stringify(stage);
  const read = (name: Reader, path: string) =>
    `${importedAs(file, name) ?? name}(${urlIn(file, path)}, ${quoted})`;
  const versions = read("readVersions", VERSIONS_FILE);
  const hasTags = hasTagFunctions(file);
  return {
    server: new Expression(hasTags ? `serverTag(${quoted})` : `${versions}.server`),
    agents: new Expression(hasTags ? `agentTag(${quoted})` : `${versions}.agents`),
    state: new Spread(read("readState", STATE_FILE)),
  };
}

type Reader = "readState" | "readVersions";

function hasTagFunctions(file: File | undefined): boolean {
  const declared = new Set(file?.program.body.flatMap(declaredFunctions));
  return declared.has("serverTag") && declared.has("agentTag");
}

/** The URL of a file of the project: a constant of the settings file that has it, or the expression. */
function urlIn(file: File | undefined, path: string): string {
  const constant = file?.program.body
    .flatMap((statement) =>
      statement.type === "VariableDeclaration" && statement.kind === "const" ? statement.declarations : [],
    )
    .find(({ init }) => {
      if (init?.type !== "NewExpression" || init.callee.type !== "Identifier" || init.callee.name !== "URL")
        return false;
      const [relative, base] = init.arguments;
      return (
        relative?.type === "StringLiteral" &&
        relative.value === `./${path}` &&
        base?.type === "MemberExpression" &&
        base.object.type === "MetaProperty"
      );
    })?.id;
  return constant?.type === "Identifier" ? constant.name : `new URL("./${path}", import.meta.url)`;
}

function importsOf({ program }: File): ImportDeclaration[] {
  return program.body.filter(
    (statement): statement is ImportDeclaration =>
      statement.type === "ImportDeclaration" &&
      statement.source.value === SETTINGS_PACKAGE &&
      statement.importKind !== "type",
  );
}

/** The name that a function of the settings' package has in the file. */
function importedAs(file: File | undefined, name: Reader): string | undefined {
  const specifiers = file ? importsOf(file).flatMap(({ specifiers }) => specifiers) : [];
  return specifiers.find(
    (specifier) =>
      specifier.type === "ImportSpecifier" &&
      specifier.imported.type === "Identifier" &&
      specifier.imported.name === name,
  )?.local.name;
}

/** Adds the imports that the expressions need and the file lacks. */
function importEdits(file: File): Edit[] {
  const needed: Reader[] = hasTagFunctions(file) ? ["readState"] : ["readState", "readVersions"];
  const missing = needed.filter((name) => importedAs(file, name) === undefined).join(", ");
  if (missing === "") return [];
  const last = importsOf(file)
    .flatMap(({ specifiers }) => specifiers)
    .findLast(({ type }) => type === "ImportSpecifier");
  const at = last?.end ?? 0;
  const text = last ? `, ${missing}` : `import { ${missing} } from "${SETTINGS_PACKAGE}";\n`;
  return [{ start: at, end: at, text }];
}

function declaredFunctions(statement: Statement): string[] {
  if (statement.type === "FunctionDeclaration") return statement.id ? [statement.id.name] : [];
  if (statement.type !== "VariableDeclaration") return [];
  return statement.declarations.flatMap(({ id, init }) =>
    id.type === "Identifier" &&
    (init?.type === "ArrowFunctionExpression" || init?.type === "FunctionExpression")
      ? [id.name]
      : [],
  );
}

/** @returns the object of the stages, or what is different from `export default defineConfig({ stages: { … } })` */
function findStages({ program }: File): ObjectExpression | string {
  const exported = program.body.find((statement) => statement.type === "ExportDefaultDeclaration");
  if (!exported) return "it has no default export";
  let config = resolve(exported.declaration, program.body);
  if (config?.type === "CallExpression") {
    const { callee, arguments: args } = config;
    if (callee.type !== "Identifier" || callee.name !== "defineConfig" || args.length !== 1)
      return "its default export is not defineConfig({ … })";
    config = resolve(args[0], program.body);
  }
  if (config?.type !== "ObjectExpression") return "its default export is not an object that is written out";
  const stages = resolve(propertyOf(config, "stages")?.value, program.body);
  if (stages?.type !== "ObjectExpression") return "its `stages` is not an object that is written out";
  return stages;
}

/** What an expression stands for: without `as`, `satisfies` and brackets, a constant of the file by its value. */
function resolve(node: Node | null | undefined, body: readonly Statement[]): Node | undefined {
  switch (node?.type) {
    case "TSAsExpression":
    case "TSSatisfiesExpression":
    case "ParenthesizedExpression":
      return resolve(node.expression, body);
    case "Identifier": {
      const { name } = node;
      const value = body
        .flatMap((statement) =>
          statement.type === "VariableDeclaration" && statement.kind === "const"
            ? statement.declarations
            : [],
        )
        .find(({ id }) => id.type === "Identifier" && id.name === name)?.init;
      return value?.type === "Identifier" ? undefined : resolve(value, body);
    }
    default:
      return node ?? undefined;
  }
}

function propertyOf({ properties }: ObjectExpression, name: string): ObjectProperty | undefined {
  return properties.find(
    (property): property is ObjectProperty => property.type === "ObjectProperty" && nameOf(property) === name,
  );
}

function nameOf(property: ObjectExpression["properties"][number]): string | undefined {
  if (property.type === "SpreadElement" || property.computed) return undefined;
  if (property.key.type === "Identifier") return property.key.name;
  return property.key.type === "StringLiteral" ? property.key.value : undefined;
}

function stageEdit(
  source: string,
  file: File,
  stages: ObjectExpression,
  stage: string,
  block: (indent: string) => string,
): Edit | string {
  const newline = source.includes("\r\n") ? "\r\n" : "\n";
  const comments = file.comments ?? [];
  const put = (indent: string, unit: string) =>
    withIndent(block(indent), indent, unit).replaceAll("\n", newline);
  const present = stages.properties.find((property) => nameOf(property) === stage);
  if (present) {
    if (present.type !== "ObjectProperty") return `its stage ${stage} is not an object that is written out`;
    const indent = indentAt(source, present.start!);
    const start = startOfComments(source, comments, present.start!);
    return { start, end: present.end!, text: put(indent, unitOf(source, indent)) };
  }
  const last = stages.properties.at(-1);
  const outer = indentAt(source, stages.start!);
  if (!last) {
    const inner = outer + unitOf(source, outer);
    const inside = source.slice(stages.start! + 1, stages.end! - 1).trimEnd();
    return {
      start: stages.start! + 1,
      end: stages.end! - 1,
      text: `${inside}${newline}${inner}${put(inner, unitOf(source, inner))},${newline}${outer}`,
    };
  }
  const startsLine = source.slice(lineStart(source, last.start!), last.start!).trim() === "";
  const indent = startsLine ? indentAt(source, last.start!) : outer + unitOf(source, outer);
  const comma = commaAfter(file, last.end!, stages.end!);
  const afterComma = comma === undefined ? last.end! : comma + 1;
  const at = endOfLineComment(source, comments, afterComma);
  const between = source.slice(afterComma, at);
  const gap = startsLine ? `${newline}${newline}` : newline;
  const closing = source.slice(at, stages.end! - 1).includes("\n") ? "" : `${newline}${outer}`;
  // A comment to the end of the line would hide a comma behind it.
  return {
    start: last.end!,
    end: at,
    text: `${source.slice(last.end!, comma ?? last.end!)},${between}${gap}${indent}${put(indent, unitOf(source, indent))},${closing}`,
  };
}

/** The step of the indentation: a tab where the file has tabs, else two spaces, or four in a file of fours. */
function unitOf(source: string, indent: string): string {
  if (indent.includes("\t") || (indent === "" && /^\t/m.test(source))) return "\t";
  const [, first = "  "] = /^( +)\S/m.exec(source) ?? [];
  return first.length === 4 ? "    " : "  ";
}

/** The same text with another step of indentation behind the indentation of its first line. */
function withIndent(text: string, indent: string, unit: string): string {
  if (unit === "  ") return text;
  return text
    .split("\n")
    .map((line, index) => {
      if (index === 0) return line;
      const own = line.slice(indent.length);
      const depth = (own.length - own.trimStart().length) / 2;
      return indent + unit.repeat(depth) + own.trimStart();
    })
    .join("\n");
}

function lineStart(source: string, at: number): number {
  return source.lastIndexOf("\n", at - 1) + 1;
}

function indentAt(source: string, at: number): string {
  return /^[ \t]*/.exec(source.slice(lineStart(source, at), at))![0];
}

/** Where the comments begin that stand right above a place, each at the beginning of a line. */
function startOfComments(source: string, comments: readonly Comment[], at: number): number {
  const above = comments.findLast(
    (comment) => comment.end! <= at && /^[ \t]*\r?\n[ \t]*$/.test(source.slice(comment.end!, at)),
  );
  const begins =
    above !== undefined && source.slice(lineStart(source, above.start!), above.start!).trim() === "";
  return begins ? startOfComments(source, comments, above.start!) : at;
}

/** The end of a comment on the rest of a line. */
function endOfLineComment(source: string, comments: readonly Comment[], at: number): number {
  const next = comments.find((comment) => comment.start! >= at);
  return next && /^[ \t]*$/.test(source.slice(at, next.start!)) && !next.value.includes("\n")
    ? next.end!
    : at;
}

function commaAfter({ tokens = [] }: File, from: number, to: number): number | undefined {
  const token = (tokens as readonly { type: { label?: string }; start: number }[] | null)?.find(
    ({ type, start }) => start >= from && start < to && type.label === ",",
  );
  return token?.start;
}
