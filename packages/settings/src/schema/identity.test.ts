import { describe, expect, it } from "vitest";
import { loadStage } from "../load-stage.ts";
import { mistakesOf } from "../test-support/mistakes.ts";
import { stageInput } from "../test-support/stage.ts";

const load = (changes: unknown) =>
  loadStage({ stages: { prod: stageInput(changes) } }, "prod", { root: "." });

const mistakes = (changes: unknown) => mistakesOf(() => load(changes));

describe("iam", () => {
  it("takes a boundary of the account or of AWS, and a path", () => {
    const permissionsBoundary = "arn:aws:iam::aws:policy/PowerUserAccess";
    const iam = { permissionsBoundary, rolePath: "/teams/data/" };
    expect(load({ iam }).iam).toEqual(iam);
    expect(load({}).iam).toEqual({ rolePath: "/" });
  });

  it.each([
    [
      "a policy's name",
      { permissionsBoundary: "boundary" },
      /permissionsBoundary: must be the ARN of a managed/,
    ],
    [
      "a role's ARN",
      { permissionsBoundary: "arn:aws:iam::123456789012:role/x" },
      /permissionsBoundary: must be the ARN of a managed policy/,
    ],
    ["a path without slashes", { rolePath: "dbward" }, /rolePath: must be a path that begins and ends/],
  ])("refuses %s", (_title, iam, expected) => {
    expect(mistakes({ iam })).toEqual([expect.stringMatching(expected)]);
  });
});

describe("tags", () => {
  it("are what AWS takes", () => {
    const tags = { "cost center": "42", Équipe: "données", empty: "" };
    expect(load({ tags }).tags).toEqual(tags);
  });

  it.each([
    ["keys of AWS", { "AWS:x": "1" }, /^tags\.AWS:x: can't begin with aws:/],
    ["tags of the stage", { "sst:stage": "other" }, /^tags\.sst:stage: is a tag that the stage sets itself/],
    ["other characters", { a: "b;c" }, /^tags\.a: may have letters, digits/],
    ["long keys", { ["k".repeat(129)]: "1" }, /^tags\.k+: must have at most 128 characters/],
    [
      "more than AWS takes",
      Object.fromEntries([...Array(41).keys()].map((n) => [`k${n}`, ""])),
      /at most 40/,
    ],
  ])("can't be %s", (_title, tags, expected) => {
    expect(mistakes({ tags })).toEqual([expect.stringMatching(expected)]);
  });
});
