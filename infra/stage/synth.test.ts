import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { assemblyDifferences, templatesIn } from "../test-support/assemblies.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const out = mkdtempSync(join(tmpdir(), "dbward-synth-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** No credentials, no configuration, and every way to a network leads to a closed port. */
const OFFLINE = {
  PATH: process.env.PATH ?? "",
  HOME: out,
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_ENDPOINT_URL: "http://127.0.0.1:1",
  HTTP_PROXY: "http://127.0.0.1:1",
  HTTPS_PROXY: "http://127.0.0.1:1",
};

function synth(...args: string[]) {
  const script = ["--conditions=@dbward-aws/source", "--import", "tsx/esm", "app.ts", ...args];
  return spawnSync(process.execPath, script, { cwd: ROOT, env: OFFLINE, encoding: "utf8", timeout: 120_000 });
}

describe("pnpm synth", { timeout: 240_000 }, () => {
  it.each(["local", "dev", "prod"])(
    "writes stage %s's templates without credentials or a network",
    (stage) => {
      const { status, stderr, stdout } = synth("--stage", stage, "--out", join(out, stage));
      expect(stderr.replaceAll(/^Warning: .*\n/gm, "")).toBe("Region: us-east-1\n");
      expect(status).toBe(0);
      const files = ["Agents", "Monitoring", "Server", "State"].map(
        (id) => `${stage}-dbward-${id}.template.json`,
      );
      expect([...templatesIn(join(out, stage)).keys()]).toEqual(files);
      for (const file of files) expect(stdout).toContain(join(out, stage, file));
    },
  );

  it("makes the same templates twice", () => {
    synth("--stage", "prod", "--out", join(out, "again"));
    expect(assemblyDifferences(join(out, "prod"), join(out, "again"))).toEqual([]);
  });

  it("names the stages there are when it is given another", () => {
    const { status, stderr } = synth("--stage", "production", "--out", join(out, "none"));
    expect(status).toBe(1);
    expect(stderr).toMatch(/stages\.production/);
    expect(synth().stderr).toContain("--stage prod");
  });
});
