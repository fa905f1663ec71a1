import ts from "typescript";

/** A call of the AWS CLI that a source prints. */
export interface AwsCommand {
  readonly source: string;
  /** Service and operation, such as `efs put-backup-policy`. */
  readonly operation: string;
  /** Its options, in their order. */
  readonly options: readonly string[];
}

/** Stands for a value that is known only when the program runs. */
const UNKNOWN = "UNKNOWN";
/** Alternatives of one text; more would be a sign of a text that is made otherwise. */
const MOST_TEXTS = 64;

/** The calls of the AWS CLI in the texts of a TypeScript source. */
export function awsCommands(source: string, code: string): AwsCommand[] {
  const file = ts.createSourceFile(source, code, ts.ScriptTarget.Latest, true);
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (isText(node)) {
      texts.push(...textsOf(node));
      visitInside(node, visit);
    } else if (isListOfWords(node))
      texts.push(node.elements.map((each) => (isText(each) ? textsOf(each)[0] : UNKNOWN)).join(" "));
    else ts.forEachChild(node, visit);
  };
  visit(file);
  return texts.flatMap((text) => commandsIn(source, text));
}

function isText(node: ts.Node): node is ts.Expression {
  return (
    ts.isStringLiteralLike(node) ||
    ts.isTemplateExpression(node) ||
    (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) ||
    isAwsCall(node)
  );
}

/** `["aws", "s3api", …]`, which is quoted for a shell. */
function isListOfWords(node: ts.Node): node is ts.ArrayLiteralExpression {
  const first = ts.isArrayLiteralExpression(node) ? node.elements[0] : undefined;
  return first !== undefined && ts.isStringLiteral(first) && first.text === "aws";
}

/** `aws("efs …")` puts the program before its argument, and the region behind it. */
function isAwsCall(node: ts.Node): node is ts.CallExpression {
  return ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === "aws";
}

/** What a text holds that is a text of its own, such as the lines that a function in it makes. */
function visitInside(node: ts.Node, visit: (node: ts.Node) => void): void {
  ts.forEachChild(node, (child) => {
    if (ts.isCallExpression(child) && !isAwsCall(child)) visit(child);
    else visitInside(child, visit);
  });
}

/** All texts that an expression can be. */
function textsOf(node: ts.Node): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isParenthesizedExpression(node)) return textsOf(node.expression);
  if (ts.isConditionalExpression(node)) return [...textsOf(node.whenTrue), ...textsOf(node.whenFalse)];
  if (isAwsCall(node)) return textsOf(node.arguments[0]!).map((text) => `aws ${text} --region ${UNKNOWN}`);
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken)
    return joined([textsOf(node.left), textsOf(node.right)]);
  if (ts.isTemplateExpression(node))
    return joined([
      [node.head.text],
      ...node.templateSpans.flatMap(({ expression, literal }) => [textsOf(expression), [literal.text]]),
    ]);
  return [UNKNOWN];
}

function joined(parts: readonly (readonly string[])[]): string[] {
  const all = parts.reduce<string[]>(
    (before, part) => before.flatMap((start) => part.map((end) => start + end)),
    [""],
  );
  if (all.length > MOST_TEXTS) throw new Error(`${all.length} alternatives of one text`);
  return all;
}

function commandsIn(source: string, text: string): AwsCommand[] {
  return [...text.matchAll(/(?<![\w./@:-])aws ([a-z][a-z0-9-]+(?: wait)? [a-z][a-z0-9-]+)(?= |$)/gm)].map(
    ({ index, 0: start, 1: operation = "" }) => {
      const [rest = ""] = text.slice(index + start.length).split("\n");
      return { source, operation, options: wordsOf(rest).filter((word) => word.startsWith("--")) };
    },
  );
}

/** The words up to the end of the command in its sentence or line. */
function wordsOf(rest: string): string[] {
  const words: string[] = [];
  for (const [word] of rest.matchAll(/'[^']*'|[^\s']+/g)) {
    if (/^(&&|\||#|and$|then$)/.test(word)) break;
    words.push(word.replace(/[;,.)`]+$/, ""));
    if (/[;,.)`]$/.test(word)) break;
  }
  return words;
}
