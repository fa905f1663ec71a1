import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT, text } from "./repository.ts";
import {
  Archives,
  installPacked,
  type Manifest,
  PUBLISHED,
  type Published,
} from "./test-support/packed-app.ts";

const folder = mkdtempSync(join(tmpdir(), "archives-"));
afterAll(() => rmSync(folder, { recursive: true }), 120_000);
const archives = new Archives(folder);
const archiveOf = (published: Published) => readFileSync(archives.of(published.folder));
const named = (published: readonly Published[]) => published.map((one) => [one.manifest.name, one] as const);

it.each(named(PUBLISHED))(
  "the archive of %s passes publint",
  async (_name, published) => {
    const tarball = new Uint8Array(archiveOf(published)).buffer;
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg!, { color: false }))).toEqual([]);
  },
  120_000,
);

it.each(named(PUBLISHED.filter(({ manifest }) => manifest.exports)))(
  "TypeScript finds the types of %s",
  async (_name, published) => {
    const result = await checkPackage(createPackageFromTarballData(archiveOf(published)));
    if (!result.types) throw new Error("The archive has no types.");
    // Only ES modules are offered: Node requires those as well, and TypeScript's old resolution knows no
    // `exports`.
    const problems = result.problems.filter(
      (problem) =>
        problem.kind !== "CJSResolvesToESM" &&
        !(problem.kind === "NoResolution" && problem.resolutionKind === "node10"),
    );
    expect(problems).toEqual([]);
  },
  120_000,
);

/**
 * An app of somebody else: it knows neither this workspace nor our source condition. With DBWARD_CDK it has
 * that version of aws-cdk-lib from the registry, such as `latest`, otherwise the oldest that the constructs
 * admit.
 */
describe("the packed constructs, in a CDK app outside this workspace", () => {
  const app = mkdtempSync(join(tmpdir(), "packed-"));
  afterAll(() => rmSync(app, { recursive: true }), 120_000);
  let packed: Manifest[];
  const [constructs, wholeStage] = [...text("infra/README.md").matchAll(/```js\n(.*?)```/gs)].map(
    ([, code]) => code!,
  );

  beforeAll(() => {
    writeFileSync(join(app, "package.json"), '{ "type": "module" }');
    const cdk = process.env.DBWARD_CDK;
    if (cdk) execFileSync("npm", ["install", `aws-cdk-lib@${cdk}`, "constructs@^10"], { cwd: app });
    packed = installPacked(app, ["@dbward-aws/infra"], archives);
    for (const name of ["server", "agent"])
      copyFileSync(join(ROOT, `config/${name}.toml`), join(app, `${name}.toml`));
  }, 600_000);

  /** Runs an example as its reader would. @returns the templates that it made */
  function synthesise(name: string, code: string): string[] {
    const out = join(app, `${name}.out`);
    writeFileSync(join(app, `${name}.js`), code);
    const { NODE_OPTIONS: _options, ...env } = process.env;
    execFileSync(process.execPath, [`${name}.js`], { cwd: app, env: { ...env, CDK_OUTDIR: out } });
    return readdirSync(out)
      .filter((file) => file.endsWith(".template.json"))
      .sort();
  }

  it("bring no AWS SDK: the functions have theirs inside", () => {
    expect(packed.length).toBeGreaterThan(1);
    expect(existsSync(join(app, "node_modules/@aws-sdk"))).toBe(false);
  });

  it("make a whole stage: the second example of infra/README.md", () => {
    expect(synthesise("whole-stage", wholeStage!)).toEqual([
      "prod-dbward-Agents.template.json",
      "prod-dbward-Monitoring.template.json",
      "prod-dbward-Server.template.json",
      "prod-dbward-State.template.json",
    ]);
  }, 300_000);

  it("make single constructs in a stack of somebody else: the first example of infra/README.md", () => {
    expect(synthesise("constructs", constructs!)).toEqual(["Platform.template.json"]);
  }, 300_000);

  it("have types that fit those of aws-cdk-lib", () => {
    writeFileSync(
      join(app, "check.ts"),
      'import * as infra from "@dbward-aws/infra";\nimport * as stage from "@dbward-aws/infra/stage";\nexport default { infra, stage };\n',
    );
    const modules = join(ROOT, "node_modules");
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--types", "node"];
    const { stdout } = spawnSync(
      join(modules, ".bin/tsc"),
      [...options, "--typeRoots", join(modules, "@types"), "check.ts"],
      { cwd: app, encoding: "utf8" },
    );
    expect(stdout).toBe("");
  }, 300_000);
});

describe("the packed command line", () => {
  const app = mkdtempSync(join(tmpdir(), "packed-ops-"));
  afterAll(() => rmSync(app, { recursive: true }), 120_000);

  it("runs where it is installed, and needs nothing that its manifest does not name", () => {
    writeFileSync(join(app, "package.json"), '{ "type": "module" }');
    installPacked(app, ["@dbward-aws/ops"], archives);
    const { NODE_OPTIONS: _options, ...env } = process.env;
    const installed = join(app, "node_modules/@dbward-aws/ops");
    const { bin } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    const help = execFileSync(process.execPath, [join(installed, bin["dbward-ops"]), "--help"], {
      cwd: app,
      env,
      encoding: "utf8",
    });
    expect(help).toContain("status");
  }, 300_000);
});
