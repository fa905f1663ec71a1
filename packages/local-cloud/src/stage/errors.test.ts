import { describe, expect, it } from "vitest";
import { StorageFailed } from "./errors.ts";

const system = (code: string, path?: string) => Object.assign(new Error(`${code}: no`), { code, path });

describe("an error that says that nothing can be written", () => {
  it.each([
    ["ENOSPC", /can't write to \/x\/file: the disk is full\. Make room/],
    ["EROFS", /read-only/],
    ["EACCES", /permission is denied/],
  ])("is explained: %s", (code, expected) => {
    expect(StorageFailed.explain(system(code, "/x/file"), "/x")).toMatchObject({
      code: "local-stage-storage",
      message: expect.stringMatching(expected),
    });
  });

  it("is found behind others, and names the stage's folder when it has no path", () => {
    const error = new Error("outer", { cause: system("ENOSPC") });
    expect(StorageFailed.explain(error, "/x")).toMatchObject({ message: expect.stringMatching(/to \/x: /) });
  });

  it("is any other error as it was", () => {
    const error = system("ENOENT", "/x/file");
    expect(StorageFailed.explain(error, "/x")).toBe(error);
  });
});
