import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startHttpServer } from "../../../packages/core/src/test-support/http-server.ts";

const run = promisify(execFile);
const FUNCTION = fileURLToPath(new URL("..", import.meta.url));
/** Most bytes that a cold start may read. */
const MAX_BYTES = 340_000;

/** A module and everything that it imports statically. */
function staticModules(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const [, at] of readFileSync(path, "utf8").matchAll(/(?:\bfrom|\bimport)\s*"(\.{1,2}\/[^"]+)"/g)) {
    staticModules(resolve(dirname(path), at!), seen);
  }
  return seen;
}

describe("the bundle", () => {
  const folder = mkdtempSync(join(tmpdir(), "capture-bundle-"));
  const directory = join(folder, "dist");
  const index = join(directory, "index.mjs");
  beforeAll(() => run(process.execPath, ["../bundle.mjs", directory], { cwd: FUNCTION }));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("reads little code in a cold start", () => {
    const bytes = [...staticModules(index)].reduce((sum, path) => sum + readFileSync(path).length, 0);
    expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
  });

  it("holds all that its modules import, those that are loaded on demand included", async () => {
    const modules = readdirSync(directory).filter((name) => name.endsWith(".mjs"));
    expect(modules).toContainEqual(expect.stringMatching(/^logs-client-/));
    for (const name of modules) {
      const args = ["--input-type=module", "-e", "await import(process.argv[1])"];
      await run(process.execPath, [...args, pathToFileURL(join(directory, name)).href], {
        cwd: directory,
        env: { AWS_REGION: "eu-central-1" },
      });
    }
  }, 60_000);

  it("answers an event without any module outside of the bundle", async () => {
    const server = await startHttpServer((_request, response) => response.end());
    const event = {
      RequestType: "Delete",
      ResponseURL: `${server.url}/`,
      StackId: "stack",
      RequestId: "request",
      LogicalResourceId: "TokenCapture",
      PhysicalResourceId: "as-it-was",
    };
    const script = `const { handler } = await import(process.argv[1]);
      await handler(JSON.parse(process.argv[2]), { getRemainingTimeInMillis: () => 60_000 });`;
    const args = ["--input-type=module", "-e", script, pathToFileURL(index).href, JSON.stringify(event)];
    await run(process.execPath, args, { cwd: directory, env: { AWS_REGION: "eu-central-1" } });
    await server.close();
    expect(JSON.parse(server.requests[0]!.text)).toMatchObject({
      Status: "SUCCESS",
      PhysicalResourceId: "as-it-was",
    });
  });
});
