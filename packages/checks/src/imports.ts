import { cruise, type ICruiseResult, type IForbiddenRuleType } from "dependency-cruiser";
import { ROOT } from "./repository.ts";

const CONSTRUCTS = "^infra/|node_modules/(aws-cdk-lib|constructs)/";
const LOCAL_STAGE = "^packages/(local-[^/]+|dbward-stand-in)/";
const TESTS = "\\.test\\.ts$|/test-support/";

/** Who may not import whom, as docs/architecture.md draws it. */
const BORDERS: readonly IForbiddenRuleType[] = [
  {
    name: "packages and functions know no constructs",
    from: { path: "^(packages|functions)/", pathNot: "^packages/checks/" },
    to: { path: CONSTRUCTS },
  },
  {
    name: "a function is referred to by the path of its bundle",
    from: { path: "^(packages|infra)/" },
    to: { path: "^functions/" },
  },
  {
    name: "only the local stage, its tests and the benchmarks know the emulator and the stand-in",
    from: { pathNot: `${LOCAL_STAGE}|^(e2e|bench|packages/checks)/` },
    to: { path: LOCAL_STAGE },
  },
  {
    name: "of the constructs, only the stage knows settings",
    from: { path: "^infra/", pathNot: `^infra/stage/|${TESTS}` },
    to: { path: "^packages/settings/" },
  },
  {
    name: "only sst.config.ts knows SST",
    from: { pathNot: "^sst\\.config\\.ts$" },
    to: { path: "node_modules/sst/" },
  },
  {
    name: "constructs make templates and call no AWS API",
    from: { path: "^infra/" },
    to: { path: "node_modules/@aws-sdk/" },
  },
  {
    name: "core and contract are the base of everything else",
    from: { path: "^packages/(core|contract)/" },
    to: { path: "^(packages|infra|functions)/", pathNot: "^packages/(core|contract)/" },
  },
  {
    name: "another package is imported by its name",
    from: { path: "^((?:packages|functions)/[^/]+|infra)/", pathNot: `${TESTS}|vitest[^/]*\\.config\\.ts$` },
    to: { pathNot: "^$1/", dependencyTypes: ["local"] },
  },
  {
    name: "an import leads to a file",
    from: {},
    to: { couldNotResolve: true, pathNot: "^/uPlot\\.esm\\.js$" },
  },
];

const CYCLES: readonly IForbiddenRuleType[] = [
  {
    name: "no file imports itself through others",
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
  },
  {
    name: "no folder imports itself through others",
    scope: "folder",
    from: {},
    to: { circular: true },
  },
];

const SOURCES = ["packages", "functions", "infra", "e2e", "bench", "app.ts", "cdk.ts", "sst.config.ts"];

/**
 * Each import that breaks a rule: the rule, the importing file, and what it imports or the way back to
 * itself.
 */
export async function brokenRules(): Promise<string[]> {
  const generated = "(^|/)(dist|\\.local)/";
  // Tests may use the parts of other folders, and so lead back to where they belong.
  const results = [await cruiseWith(BORDERS, generated), await cruiseWith(CYCLES, `${generated}|${TESTS}`)];
  return results.flatMap(({ summary }) =>
    summary.violations.map(({ rule, from, to, cycle }) =>
      [rule.name, from, ...(cycle?.map(({ name }) => name) ?? [to])].join("\n  "),
    ),
  );
}

async function cruiseWith(rules: readonly IForbiddenRuleType[], exclude: string): Promise<ICruiseResult> {
  const { output } = await cruise(
    SOURCES,
    {
      baseDir: ROOT,
      exclude: { path: exclude },
      doNotFollow: { path: "node_modules/" },
      tsPreCompilationDeps: true,
      validate: true,
      ruleSet: { forbidden: [...rules] },
    },
    {
      conditionNames: ["@dbward-aws/source", "import", "node", "default", "types"],
      exportsFields: ["exports"],
      extensions: [".ts", ".mts", ".js", ".mjs", ".json", ".d.ts"],
    },
  );
  if (typeof output === "string") throw new Error(`dependency-cruiser answered with a text: ${output}`);
  if (output.summary.totalCruised < 300)
    throw new Error(`Only ${output.summary.totalCruised} files were read.`);
  return output;
}
