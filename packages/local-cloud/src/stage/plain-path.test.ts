import { existsSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../../../local-account/src/test-support/temporary-directory.ts";
import { plainPath } from "./plain-path.ts";

it("takes a path that needs no quotes as it is", async () => {
  expect((await plainPath("/srv/dbward-aws/.local")).path).toBe("/srv/dbward-aws/.local");
});

it.each(["a b", "a$b", "a'b", 'a"b', "ä", "a;b", "a\nb"])(
  "links to %j, for its owner alone",
  async (name) => {
    const folder = join(temporaryDirectory(), name);
    mkdirSync(folder);
    const { path, close } = await plainPath(folder);
    expect(path).toMatch(/^[A-Za-z0-9_./-]+$/);
    expect(realpathSync(path)).toBe(realpathSync(folder));
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    await close();
    expect([existsSync(path), existsSync(folder)]).toEqual([false, true]);
  },
);
