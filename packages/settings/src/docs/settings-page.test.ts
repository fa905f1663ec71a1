import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { settingsSections } from "./settings-page.ts";

const sections = settingsSections();

it("docs/settings.md has the sections that the schema makes", () => {
  const page = readFileSync(fileURLToPath(new URL("../../../../docs/settings.md", import.meta.url)), "utf8");
  expect(page).toContain(`<!-- settings -->\n\n${sections}\n\n<!-- /settings -->`);
});

it("every setting has a description, a type and a default", () => {
  const rows = sections.split("\n").filter((line) => line.startsWith("| `"));
  expect(rows.length).toBeGreaterThan(50);
  const cells = (row: string) => row.split(/(?<!\\)\|/).map((cell) => cell.trim());
  expect(rows.filter((row) => cells(row)[4] === "")).toEqual([]);
  expect(rows.filter((row) => cells(row)[2]!.includes("unknown"))).toEqual([]);
  expect(rows.filter((row) => cells(row)[3] === "" && !/required|see below/.test(cells(row)[2]!))).toEqual(
    [],
  );
});
