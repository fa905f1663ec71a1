import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT, text } from "./repository.ts";
import { installPacked, type Manifest } from "./test-support/packed-app.ts";

/** An app of somebody else: it knows neither this workspace nor our source condition. */
const app = mkdtempSync(join(tmpdir(), "packed-"));
afterAll(() => rmSync(app, { recursive: true }));

let packed: Manifest[];
const [wholeStage, constructs] = [...text("infra/README.md").matchAll(/```js\n(.*?)```/gs)].map(
  ([, code]) => code!,
);

beforeAll(() => {
  packed = installPacked(app, ["@dbward-aws/infra"]);
  writeFileSync(join(app, "package.json"), '{ "type": "module" }');
  for (const name of ["server", "agent"])
    copyFileSync(join(ROOT, `config/${name}.toml`), join(app, `${name}.toml`));
  // The second example takes its settings from a file: those of the first.
  const config = /^const config = (\{.*?^\});$/ms.exec(wholeStage!)?.[1];
  writeFileSync(join(app, "dbward.config.js"), `export default ${config};\n`);
}, 120_000);

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

describe("the packed packages, in a CDK app of plain JavaScript", () => {
  it("name each other by version, and carry what their manifest promises", () => {
    for (const { name, dependencies = {} } of packed) {
      expect(Object.values(dependencies).filter((version) => /^(workspace|catalog):/.test(version))).toEqual(
        [],
      );
      expect(existsSync(join(app, "node_modules", name, "dist")), name).toBe(true);
      expect(existsSync(join(app, "node_modules", name, "src")), name).toBe(false);
    }
  });

  it("bring no AWS SDK: the functions have theirs inside", () => {
    expect(existsSync(join(app, "node_modules/@aws-sdk"))).toBe(false);
  });

  it("make a whole stage: the first example of infra/README.md", () => {
    expect(synthesise("whole-stage", wholeStage!)).toEqual([
      "prod-dbward-Agents.template.json",
      "prod-dbward-Monitoring.template.json",
      "prod-dbward-Server.template.json",
      "prod-dbward-State.template.json",
    ]);
  }, 60_000);

  it("make single constructs in a stack of somebody else: the second example", () => {
    expect(synthesise("constructs", constructs!)).toEqual(["Platform.template.json"]);
  }, 60_000);
});
