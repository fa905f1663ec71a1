import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

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
  const directory = mkdtempSync(join(tmpdir(), "capture-bundle-"));
  const index = join(directory, "index.mjs");
  beforeAll(() => run(process.execPath, ["../bundle.mjs", directory], { cwd: FUNCTION }));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("reads no more than a cold start should", () => {
    const bytes = [...staticModules(index)].reduce((sum, path) => sum + readFileSync(path).length, 0);
    expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
  });

  it("answers an event as Lambda hands it over, without any module outside of it", async () => {
    const answers: string[] = [];
    const server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      answers.push(body);
      response.end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const event = {
      RequestType: "Delete",
      ResponseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      StackId: "stack",
      RequestId: "request",
      LogicalResourceId: "TokenCapture",
      PhysicalResourceId: "as-it-was",
    };
    const script = `const { handler } = await import(process.argv[1]);
      await handler(JSON.parse(process.argv[2]), { getRemainingTimeInMillis: () => 60_000 });`;
    const args = ["--input-type=module", "-e", script, pathToFileURL(index).href, JSON.stringify(event)];
    await run(process.execPath, args, { cwd: directory, env: { AWS_REGION: "eu-central-1" } });
    server.close();
    expect(JSON.parse(answers[0]!)).toMatchObject({ Status: "SUCCESS", PhysicalResourceId: "as-it-was" });
  });
});
