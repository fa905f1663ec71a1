import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { newCredentials } from "../account/index.ts";
import { temporaryDirectory } from "../test-support/temporary-directory.ts";
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

it("takes away what a run that was cut off has left, and touches no process that got its id", async () => {
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

it("says that a run was cut off, and nothing of one that never was", async () => {
  const printed = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  onTestFinished(() => printed.mockRestore());
  const files = new StageFiles(temporaryDirectory());
  await down(files);
  await files.claim(CUT_OFF);
  await down(files);
  expect(printed.mock.calls.map(([text]) => String(text).split("\n")[0])).toEqual([
    "No local stage was running.",
    "The last local stage was cut off: what it left behind is ended and removed.",
  ]);
});

it("finds no stage where there is none, or only one that was cut off", async () => {
  const files = new StageFiles(temporaryDirectory());
  await expect(runningStage(files)).rejects.toMatchObject({ code: "local-stage-not-running" });
  await files.claim(CUT_OFF);
  await expect(runningStage(files)).rejects.toMatchObject({ code: "local-stage-not-running" });
});
