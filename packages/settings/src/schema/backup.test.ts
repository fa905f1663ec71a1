import { describe, expect, it } from "vitest";
import { loadStage } from "../load-stage.ts";
import { mistakesOf } from "../test-support/mistakes.ts";
import { stageInput } from "../test-support/stage.ts";

const load = (backup?: unknown) =>
  loadStage({ stages: { prod: stageInput({ backup }) } }, "prod", { root: "." });
const mistakes = (backup: unknown) => mistakesOf(() => load(backup));

describe("backups", () => {
  it("are made daily and kept for 35 days, in a vault that is not locked", () => {
    expect(load().backup).toEqual({ daily: true, startHour: 3, keepDays: 35 });
  });

  it("may go to an existing vault, and be made by hand alone", () => {
    expect(load({ daily: false, vaultName: "acme", keepDays: 365 }).backup).toMatchObject({
      daily: false,
      vaultName: "acme",
      keepDays: 365,
    });
  });

  it.each([
    [{ keepDays: 0 }, /^backup\.keepDays: must be 1 or more days/],
    [{ keepDays: 36_501 }, /^backup\.keepDays: must be at most 36500 days/],
    [{ startHour: 24 }, /^backup\.startHour: must be an hour from 0 to 23/],
    [{ vaultName: "arn:aws:backup:::vault" }, /^backup\.vaultName: must be the name of a backup vault/],
    [{ vaultName: "acme", lock: {} }, /^backup\.lock: can't be set for an existing vault/],
    [
      { lock: { minDays: 36 } },
      /^backup\.keepDays: is 35, and the lock \(lock\.minDays\) refuses .* 36 days/,
    ],
    [{ lock: { minDays: 1, maxDays: 34 } }, /^backup\.keepDays: is 35, .*\(lock\.maxDays\).* 34 days/],
    [{ lock: { changeableForDays: 3 } }, /^backup\.lock\.changeableForDays: would make the lock/],
    [{ lock: { mode: "compliance" } }, /^backup\.lock\.changeableForDays: is missing/],
    [
      { lock: { mode: "compliance", changeableForDays: 2 } },
      /^backup\.lock\.changeableForDays: must be 3 or more/,
    ],
  ])("are refused with %j", (backup, expected) => {
    expect(mistakes(backup)).toEqual([expect.stringMatching(expected)]);
  });

  it("report every contradiction of a lock at once", () => {
    expect(mistakes({ keepDays: 30, lock: { minDays: 31, maxDays: 20 } })).toEqual([
      expect.stringMatching(/^backup\.keepDays: is 30, .*minDays/),
      expect.stringMatching(/^backup\.keepDays: is 30, .*maxDays/),
      expect.stringMatching(/^backup\.lock\.maxDays: is less than lock\.minDays, which is 31/),
    ]);
  });
});

describe("a lock on the vault", () => {
  it("can be taken off, unless the settings say in words that it can't", () => {
    const { backup, warnings } = load({ lock: {} });
    expect(backup.lock).toEqual({ mode: "governance" });
    expect(warnings).not.toContainEqual(expect.stringMatching(/lock/));
    expect(load({ lock: { mode: "compliance", changeableForDays: 3 } }).warnings).toContainEqual(
      expect.stringMatching(/backup\.lock\.mode: is "compliance": 3 days after the deployment nobody can/),
    );
  });
});
