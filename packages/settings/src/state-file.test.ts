import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readStageState, readState, writeStageState } from "./state-file.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "state-"));
  file = join(folder, "state.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

const PROD = { state: { fileSystemId: "fs-22222222", replaces: "fs-11111111" } };

it("has nothing of a stage that was never restored, with and without the file", () => {
  expect(readState(file, "prod")).toEqual({});
  writeStageState(file, "dev", PROD);
  expect(readState(pathToFileURL(file), "prod")).toEqual({});
});

it("gives the setting alone, and keeps what the restore needs", () => {
  const written = { ...PROD, former: { fileSystemId: "fs-11111111" }, moving: "back" as const };
  writeStageState(file, "prod", written);
  writeStageState(file, "dev", {});
  expect(readState(file, "prod")).toEqual(PROD);
  expect(readStageState(file, "prod")).toEqual(written);
  expect(readdirSync(folder)).toEqual(["state.json"]);
});

it.each([
  ["{", "it is not JSON"],
  ['{"prod":{"state":{"fileSystemId":"vol-1"}}}', "prod.state.fileSystemId must be the id of an EFS file"],
  ['{"prod":{"fileSystemId":"fs-11111111"}}', "fileSystemId"],
])("refuses %s", (content, what) => {
  writeFileSync(file, content);
  expect(() => readState(file, "prod")).toThrow(what);
});
