import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

/**
 * Tests of what a function deploys.
 *
 * @param dist folder of the bundle
 * @param expected most bytes of code in a deployment, and what the bundle says without an environment
 */
export function describeBundle(
  dist: URL,
  { sizeLimit, refusal }: { readonly sizeLimit: number; readonly refusal: RegExp },
): void {
  // `turbo test` builds first.
  describe.skipIf(!existsSync(dist) && !process.env.CI)("the bundle", () => {
    it("loads in plain Node, and reports what is missing in its environment", async () => {
      const url = new URL("index.mjs", dist).href;
      const load = promisify(execFile)(
        process.execPath,
        ["--input-type=module", "-e", `await import("${url}")`],
        { env: { PATH: process.env.PATH } },
      );
      await expect(load).rejects.toThrow(refusal);
    });

    it("stays small", async () => {
      const names = (await readdir(dist, { recursive: true })).filter((name) => name.endsWith(".mjs"));
      const sizes = await Promise.all(names.map((name) => stat(fileURLToPath(new URL(name, dist)))));
      expect(sizes.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(sizeLimit);
    });
  });
}
