import { describe, expect, it } from "vitest";
import { table } from "./table.ts";

describe("table", () => {
  it("lines up columns, wide characters included, and ends no line with blanks", () => {
    expect(
      table([
        ["NAME", "STATE"],
        ["server", "up"],
        ["名前", ""],
      ]),
    ).toEqual(["NAME    STATE", "server  up", "名前"]);
  });

  it("has no lines without rows", () => {
    expect(table([])).toEqual([]);
  });
});
