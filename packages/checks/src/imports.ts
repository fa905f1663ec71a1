/** A line that docs/architecture.md draws: files under `from` may not import what matches `not`. */
export interface Border {
  readonly from: RegExp;
  readonly not: RegExp;
  readonly why: string;
}

const EMULATOR = /^@dbward-aws\/(local-|dbward-stand-in)/;
const FUNCTIONS = /^@dbward-aws\/(capture-tokens|poll-agents)/;

/** Who may not import whom. A function is referred to by the path of its bundle only, never imported. */
const BORDERS: readonly Border[] = [
  {
    from: /^packages\//,
    not: /^@dbward-aws\/infra|^aws-cdk-lib|^constructs$/,
    why: "packages know no constructs",
  },
  {
    from: /^(packages|infra)\//,
    not: FUNCTIONS,
    why: "functions are referred to by the path of their bundle",
  },
  {
    from: /^functions\//,
    not: /^@dbward-aws\/infra|^aws-cdk-lib|^constructs$/,
    why: "functions know no constructs",
  },
  {
    from: /^(?!packages\/(local-|dbward-stand-in)|e2e\/|bench\/)/,
    not: EMULATOR,
    why: "only the local stage, its tests and the benchmarks know the emulator and the stand-in",
  },
  { from: /^(?!sst\.config\.ts$)/, not: /^sst(\/|$)/, why: "only sst.config.ts knows SST" },
  { from: /^infra\//, not: /^@aws-sdk\//, why: "constructs make templates, they call no AWS API" },
  {
    from: /^packages\/(core|contract)\//,
    not: /^@dbward-aws\/(?!core$)/,
    why: "core and contract are the base of everything else",
  },
];

/** Modules that a TypeScript source imports: static, dynamic, re-exported, and types. */
export function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const specifiers = code.matchAll(
    /(?:\bfrom\s*|\bimport\s*\(?\s*|\bimport\.meta\.resolve\(\s*)["']([^"']+)["']/g,
  );
  return [...specifiers].map((match) => match[1]!);
}

/** What a file imports across a border, as sentences. */
export function crossings(path: string, source: string): string[] {
  const modules = importsOf(source);
  return BORDERS.filter(({ from }) => from.test(path)).flatMap(({ not, why }) =>
    modules.filter((module) => not.test(module)).map((module) => `${path} imports ${module}: ${why}`),
  );
}
