import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AwsPeer, CREDENTIALS } from "../functions/capture-tokens/src/test-support/aws-peer.ts";
import { bundleSource } from "./lib/bundles.ts";

const run = promisify(execFile);
const FUNCTION = fileURLToPath(new URL("../functions/poll-agents/", import.meta.url));

function bundleInto(outdir: string) {
  return run(process.execPath, ["../bundle.mjs", outdir], { cwd: FUNCTION });
}

/** Every file of a folder and what is in it. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const paths = files.map((file) => join(file.parentPath, file.name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length), readFileSync(path, "utf8")]));
}

describe("a function's bundle", () => {
  const folder = mkdtempSync(join(tmpdir(), "bundles-"));
  const dist = join(folder, "dist");
  beforeAll(() => bundleInto(dist));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("has the same bytes wherever it is built", async () => {
    const elsewhere = join(folder, "some/where/else");
    await bundleInto(elsewhere);
    expect(contents(elsewhere)).toEqual(contents(dist));
  });

  it("is left alone when nothing has changed", async () => {
    const index = join(dist, "index.mjs");
    const { mtimeMs, ino } = statSync(index);
    await bundleInto(dist);
    expect(statSync(index)).toMatchObject({ mtimeMs, ino });
  });

  it("replaces another one without ever being gone, and leaves nothing behind", async () => {
    const index = join(dist, "index.mjs");
    const built = contents(dist);
    writeFileSync(index, "an older one");
    writeFileSync(join(dist, "chunks/stale.mjs"), "");
    let isDone = false;
    const rebuilding = bundleInto(dist).finally(() => {
      isDone = true;
    });
    const seen = new Set<string>();
    while (!isDone) {
      seen.add(existsSync(index) ? readFileSync(index, "utf8") : "missing");
      await new Promise((resolve) => setImmediate(resolve));
    }
    await rebuilding;
    for (const text of seen) expect(["an older one", built["/index.mjs"]]).toContain(text);
    expect(contents(dist)).toEqual(built);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

describe("credentials of a bundle", () => {
  const entry = bundleSource(
    "signed-call",
    `import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
    const client = new SecretsManagerClient({ maxAttempts: 1 });
    export const handler = async () => (await client.send(new GetSecretValueCommand({ SecretId: "one" }))).VersionId;`,
  );
  const call = (environment: Record<string, string>) =>
    run(
      process.execPath,
      [
        "--input-type=module",
        "--no-warnings",
        "-e",
        "const { handler } = await import(process.argv[1]); console.log(await handler());",
        pathToFileURL(entry).href,
      ],
      { env: { AWS_REGION: "eu-central-1", ...environment } },
    );

  it("are those that Lambda hands over", async () => {
    const aws = await AwsPeer.start();
    aws.addSecret("one", "a value");
    const { stdout } = await call({
      AWS_ENDPOINT_URL: aws.endpoint,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_SESSION_TOKEN: CREDENTIALS.sessionToken,
    });
    aws.close();
    expect(stdout.trim()).toBe("v0");
  });

  it("are missed with a word on where they come from", async () => {
    await expect(call({ AWS_ENDPOINT_URL: "http://127.0.0.1:1" })).rejects.toThrow(
      /AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set. Lambda sets both/,
    );
  });
});
