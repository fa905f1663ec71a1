import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { loadStage, readLookups } from "@dbward-aws/settings";
import { App } from "aws-cdk-lib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import config from "../../dbward.config.ts";
import { templatesIn } from "../test-support/assemblies.ts";
import { ACCEPTED_CHECKOV_FINDINGS } from "../test-support/checkov-findings.ts";
import { stageSettings } from "../test-support/settings.ts";
import { REGION } from "../test-support/synth.ts";
import { VARIANTS } from "../test-support/variants.ts";
import { DbwardStage } from "./dbward-stage.ts";

const MINUTE = 60_000;
const out = mkdtempSync(join(tmpdir(), "dbward-lint-"));
const templates: string[] = [];

beforeAll(() => {
  const root = resolve(import.meta.dirname, "../..");
  const stages = [
    ...["dev", "prod"].map((stage) => loadStage(config, stage, { root })),
    ...Object.values(VARIANTS).map((settings) => stageSettings(settings)),
  ];
  for (const [at, settings] of stages.entries()) {
    const app = new App({ outdir: join(out, String(at)) });
    const facts = readLookups(root, settings.stage);
    new DbwardStage(app, { settings, region: REGION, ...(facts && { facts }) });
    const { directory } = app.synth();
    templates.push(...[...templatesIn(directory).keys()].map((file) => join(directory, file)));
  }
}, MINUTE);
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** Whether a linter's tests can run; with `CI` set they run, and fail where it is missing. */
function isMissing(linter: string): boolean {
  return !process.env.CI && spawnSync(linter, ["--version"]).status !== 0;
}

/** What a linter prints; its exit code says only whether it found something. */
function lint(linter: string, ...args: string[]): string {
  const { error, stdout } = spawnSync(linter, args, { cwd: out, encoding: "utf8", maxBuffer: 1 << 28 });
  if (error) throw new Error(`${linter} must be on the PATH: pip install ${linter}`, { cause: error });
  return stdout;
}

it.skipIf(isMissing("cfn-lint"))("cfn-lint finds nothing in the templates", { timeout: 5 * MINUTE }, () => {
  // W3005: CDK writes down dependencies that a reference already makes.
  expect(lint("cfn-lint", "--ignore-checks", "W3005", "--", ...templates)).toBe("");
});

describe.skipIf(isMissing("checkov"))("checkov", () => {
  let findings: string[];

  beforeAll(() => {
    const printed = lint(
      "checkov",
      ...["--directory", out, "--framework", "cloudformation"],
      ...["--output", "json", "--compact", "--quiet", "--skip-download"],
    );
    const { results, summary } = JSON.parse(printed) as CheckovReport;
    expect(summary).toMatchObject({ parsing_errors: 0 });
    expect(summary.passed).toBeGreaterThan(100);
    findings = results.failed_checks.map(({ check_id, resource }) => `${check_id} ${resource}`);
  }, 5 * MINUTE);

  const isAccepted = (finding: string) =>
    ACCEPTED_CHECKOV_FINDINGS.some(({ id, resources }) => {
      const [check, resource = ""] = finding.split(" ");
      return check === id && resources.test(resource);
    });

  it("finds nothing in the templates but what is accepted", () => {
    expect([...new Set(findings.filter((finding) => !isAccepted(finding)))]).toEqual([]);
  });

  it.each(ACCEPTED_CHECKOV_FINDINGS)("finds $id, which is accepted for $resources", ({ id, resources }) => {
    expect(
      findings.some(
        (finding) => finding.startsWith(`${id} `) && resources.test(finding.slice(id.length + 1)),
      ),
    ).toBe(true);
  });
});

/** The parts that are read of `checkov --output json`. */
interface CheckovReport {
  readonly results: {
    readonly failed_checks: readonly { readonly check_id: string; readonly resource: string }[];
  };
  readonly summary: { readonly passed: number; readonly parsing_errors: number };
}
