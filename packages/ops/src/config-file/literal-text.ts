/** An expression of TypeScript among plain values, such as `serverTag("prod")`. */
export class Expression {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An expression whose members become those of the object around it, such as `...readState(STATE, "prod")`. Its key has no meaning. */
export class Spread extends Expression {}

/** Line width of biome.json. */
const WIDTH = 110;
const STEP = "  ";

/**
 * A plain value as TypeScript, formatted as Biome and Prettier leave it: on one line where that is short, the
 * members on lines of their own otherwise. Members that are `undefined` are left out.
 *
 * @param indent white space at the beginning of the line on which the text starts
 * @param used columns of that line before the text
 */
export function literalText(value: unknown, indent = "", used = indent.length): string {
  if (value instanceof Expression) return value.text;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inline = inlineText(value);
  // Biome leaves an object on several lines that a person has broken: nested ones read better so.
  const isFlat = Array.isArray(value) ? value.every(isLeaf) : Object.values(value).every(isFlatMember);
  if (isFlat && used + inline.length + 1 <= WIDTH) return inline;
  const inner = indent + STEP;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const lines = membersOf(value).map(([prefix, member]) => {
    const start = inner + prefix;
    return `${start}${literalText(member, inner, start.length)},`;
  });
  return [open, ...lines, `${indent}${close}`].join("\n");
}

function isLeaf(value: unknown): boolean {
  return typeof value !== "object" || value === null || value instanceof Expression;
}

/** A leaf, or a list of leaves. */
function isFlatMember(value: unknown): boolean {
  return isLeaf(value) || (Array.isArray(value) ? value.every(isLeaf) : Object.values(value!).every(isLeaf));
}

function inlineText(value: object): string {
  const texts = membersOf(value).map(
    ([prefix, member]) => prefix + (isLeaf(member) ? literalText(member) : inlineText(member as object)),
  );
  if (Array.isArray(value)) return `[${texts.join(", ")}]`;
  return texts.length === 0 ? "{}" : `{ ${texts.join(", ")} }`;
}

function membersOf(value: object): (readonly [prefix: string, member: unknown])[] {
  if (Array.isArray(value)) return value.map((member) => ["", member] as const);
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => [member instanceof Spread ? "..." : `${keyText(key)}: `, member] as const);
}

/** A key of an object, in quotes where it needs them. */
export function keyText(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
}
