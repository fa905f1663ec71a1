import { expect, it } from "vitest";
import { brokenRules } from "./imports.ts";

it("every import, of a type as well, keeps to who may import whom, and none leads back", async () => {
  expect(await brokenRules()).toEqual([]);
}, 600_000);
