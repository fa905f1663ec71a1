import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ExistingState, STATE_FILE } from "@dbward-aws/settings";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { importConfig } from "../import-config.ts";
import { sources } from "../test-support/hand-run.ts";
import { planFiles } from "./plan-files.ts";

const VERSIONS = { server: "0.2.0", agents: "0.2.0" };
const TAKEN_OVER: ExistingState = {
  fileSystemId: "fs-00000001",
  accessPointId: "fsap-0123456789abcdef1",
  securityGroupId: "sg-00000009",
};

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "adopt-"));
  symlinkSync(join(import.meta.dirname, "../../node_modules"), join(root, "node_modules"));
  mkdirSync(join(root, "config"));
});
afterEach(() => rmSync(root, { recursive: true }));

const plan = () =>
  planFiles({ stage: "prod", configFile: join(root, "dbward.config.ts"), root }, sources(), VERSIONS);
async function write(): Promise<void> {
  for (const { path, text } of (await plan()).changed) writeFileSync(join(root, path), text);
}

describe("the files of a stage that takes over", () => {
  it("have its file system where `ops restore` changes it, and the settings read it from there", async () => {
    await write();
    expect(readFileSync(join(root, "dbward.config.ts"), "utf8")).toContain(
      '...readState(new URL("./config/state.json", import.meta.url), "prod")',
    );
    const { stages } = await importConfig(join(root, "dbward.config.ts"));
    expect(stages.prod?.state).toEqual(TAKEN_OVER);
  });

  it("are the same after a cut, and leave the file systems of other stages", async () => {
    const dev = { state: { fileSystemId: "fs-00000005" } };
    writeFileSync(join(root, STATE_FILE), JSON.stringify({ dev }));
    await write();
    expect(JSON.parse(readFileSync(join(root, STATE_FILE), "utf8"))).toEqual({
      dev,
      prod: { state: TAKEN_OVER },
    });
    expect((await plan()).changed).toEqual([]);
  });

  it("are refused where the stage has another file system", async () => {
    const prod = { state: { fileSystemId: "fs-00000005" } };
    writeFileSync(join(root, STATE_FILE), JSON.stringify({ prod }));
    await expect(plan()).rejects.toThrow(
      "Stage prod has file system fs-00000005 in config/state.json already.",
    );
  });
});
