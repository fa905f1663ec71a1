import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";
import { readVersions, withStageVersions, writeVersions } from "./versions-file.ts";

const folder = mkdtempSync(join(tmpdir(), "versions-"));
const file = join(folder, "versions.json");
afterAll(() => rmSync(folder, { recursive: true }));

const PROD = { server: "0.2.0", agents: "0.2.0" };
const write = (content: unknown) =>
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));

it("changes the tags that are named, and leaves the other stages", () => {
  write({ dev: { server: "0.3.0", agents: "0.3.0" }, prod: PROD });
  writeVersions(file, "prod", { server: "0.3.0" });
  expect(readVersions(pathToFileURL(file), "prod")).toEqual({ server: "0.3.0", agents: "0.2.0" });
  expect(readVersions(file, "dev")).toEqual({ server: "0.3.0", agents: "0.3.0" });
  expect(readFileSync(file, "utf8")).toBe(
    '{\n  "dev": { "server": "0.3.0", "agents": "0.3.0" },\n  "prod": { "server": "0.3.0", "agents": "0.2.0" }\n}\n',
  );
  expect(readdirSync(folder)).toEqual(["versions.json"]);
});

it.each([
  ["{", "it is not JSON"],
  [{ prod: { server: "0.2.0" } }, "prod.agents"],
  [{ prod: { ...PROD, agents: "no tag" } }, "prod.agents"],
  [{ prod: { ...PROD, other: "1" } }, "other"],
])("refuses %j, and names the place", (content, what) => {
  write(content);
  expect(() => readVersions(file, "prod")).toThrow(what);
});

it("refuses a file that is missing, and a stage that it doesn't have", () => {
  expect(() => readVersions(join(folder, "none.json"), "prod")).toThrow(
    /none\.json failed: .*ENOENT.*It has an object/,
  );
  write({ prod: PROD });
  expect(() => writeVersions(file, "dev", { server: "1.0.0" })).toThrow('it has no stage "dev"');
});

it("adds a stage, to no file as well, and leaves one that is there", () => {
  const added = withStageVersions(file, undefined, "prod", () => PROD);
  expect(JSON.parse(added)).toEqual({ prod: PROD });
  expect(withStageVersions(file, added, "prod", () => expect.fail("not asked"))).toBe(added);
  const both = withStageVersions(file, added, "dev", ([other]) => other!);
  expect(JSON.parse(both)).toEqual({ prod: PROD, dev: PROD });
  expect(() => withStageVersions(file, "[", "dev", () => PROD)).toThrow("it is not JSON");
});
