import { describe, expect, it } from "vitest";
import { backOffMs } from "./back-off.ts";

describe("backOffMs", () => {
  it("waits longer with every failure, up to a minute", () => {
    expect([0, 1, 2, 3, 4, 7, 8, 9, 100].map(backOffMs)).toEqual([
      0, 0, 1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000,
    ]);
  });
});
