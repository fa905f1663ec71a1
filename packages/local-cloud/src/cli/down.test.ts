import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newCredentials } from "@dbward-aws/local-account";
import { expect, it, onTestFinished, vi } from "vitest";
import { temporaryDirectory } from "../../../local-account/src/test-support/temporary-directory.ts";
import { down } from "./down.ts";
import { endRun } from "./end-run.ts";
import { runningStage } from "./show-status.ts";
import { StageFiles } from "./stage-files.ts";

const CREDENTIALS = newCredentials();

const CUT_OFF = {
  host: { pid: process.pid, started: "Thu Jan  1 00:00:00 1970" },
  control: 4000,
  secret: "s",
  credentials: CREDENTIALS,
};

it("removes what an interrupted run left behind, and touches no process that reuses its id", async () => {
  const files = new StageFiles(temporaryDirectory());
  await files.claim(CUT_OFF);
  for (const folder of ["efs", "cache", "logs"]) {
    mkdirSync(join(files.directory, folder));
    writeFileSync(join(files.directory, folder, "file"), "");
  }
  expect(await endRun(files, CUT_OFF)).toBe(false);
  expect(["efs", "cache", "logs"].filter((folder) => existsSync(join(files.directory, folder)))).toEqual([
    "cache",
    "logs",
  ]);
  expect(await files.run()).toBeUndefined();
});

it("reports an interrupted run, and that there was none", async () => {
  const printed = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  onTestFinished(() => printed.mockRestore());
  const files = new StageFiles(temporaryDirectory());
  await down(files);
  await files.claim(CUT_OFF);
  await down(files);
  expect(printed.mock.calls.map(([text]) => String(text).split("\n")[0])).toEqual([
    "No local stage was running.",
    "The last local stage was interrupted; what it left behind has been removed.",
  ]);
});

it("finds no stage where there is none, or only an interrupted one", async () => {
  const files = new StageFiles(temporaryDirectory());
  await expect(runningStage(files)).rejects.toMatchObject({ code: "local-stage-not-running" });
  await files.claim(CUT_OFF);
  await expect(runningStage(files)).rejects.toMatchObject({ code: "local-stage-not-running" });
});
