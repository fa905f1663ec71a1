import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { variantStatements, variantTemplates } from "../test-support/variant-templates.ts";
import { managedPolicies } from "./role-statements.ts";
import { reasonOf, roleTables, unusedReasons } from "./role-tables.ts";

it("every statement of every role has a reason", () => {
  const statements = variantStatements();
  expect(statements.length).toBeGreaterThan(30);
  expect(statements.filter((statement) => reasonOf(statement) === undefined)).toEqual([]);
});

it("every reason has a statement", () => {
  expect(unusedReasons(variantStatements())).toEqual([]);
});

it("no role has a managed policy, whose statements are nobody's choice here", () => {
  expect(variantTemplates().flatMap(managedPolicies)).toEqual([]);
});

it("docs/security.md shows the tables as they are", () => {
  const page = readFileSync(fileURLToPath(new URL("../../docs/security.md", import.meta.url)), "utf8");
  expect(page).toContain(`<!-- roles -->\n\n${roleTables(variantStatements())}\n\n<!-- /roles -->`);
});
