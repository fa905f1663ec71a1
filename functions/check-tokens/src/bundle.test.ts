import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const DIST = new URL("../dist/", import.meta.url);
/** Most bytes of code in a deployment. */
const SIZE_LIMIT = 450_000;

// `turbo test` builds first.
describe.skipIf(!existsSync(DIST) && !process.env.CI)("the bundle", () => {
  it("loads in plain Node, and reports what is missing in its environment", async () => {
    const url = new URL("index.mjs", DIST).href;
    const load = promisify(execFile)(
      process.execPath,
      ["--input-type=module", "-e", `await import("${url}")`],
      {
        env: { PATH: process.env.PATH },
      },
    );
    await expect(load).rejects.toThrow(/DBWARD_STAGE is not set.*\[token-check-environment\]/);
  });

  it("stays small", async () => {
    const names = (await readdir(DIST, { recursive: true })).filter((name) => name.endsWith(".mjs"));
    const sizes = await Promise.all(names.map((name) => stat(fileURLToPath(new URL(name, DIST)))));
    expect(sizes.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(SIZE_LIMIT);
  });
});
