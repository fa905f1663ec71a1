import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
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

/** The content of every file of a folder. */
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

  it("has the same bytes in whichever folder it is built", async () => {
    const elsewhere = join(folder, "some/where/else");
    await bundleInto(elsewhere);
    expect(contents(elsewhere)).toEqual(contents(dist));
  });

  it("replaces an older one in one step, and leaves no other files", async () => {
    const index = join(dist, "index.mjs");
    const built = contents(dist);
    writeFileSync(index, "an older bundle");
    writeFileSync(join(dist, "stale-chunk.mjs"), "");
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
    for (const text of seen) expect(["an older bundle", built["/index.mjs"]]).toContain(text);
    expect(contents(dist)).toEqual(built);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

describe("the app's bundle", () => {
  it("makes the templates that its sources make, from any folder", { timeout: 300_000 }, async () => {
    const root = fileURLToPath(new URL("..", import.meta.url));
    // Beside the sources, where it finds the CDK.
    mkdirSync(join(root, "dist"), { recursive: true });
    const folder = mkdtempSync(join(root, "dist/bundles-"));
    try {
      const bundle = join(folder, "app.cjs");
      await run(process.execPath, ["bundle-app.mjs", "app.ts", bundle], { cwd: root });
      const sources = ["--conditions=@dbward-aws/source", "--import", "tsx/esm", join(root, "app.ts")];
      const templates = async (name: string, app: string[], cwd: string) => {
        const out = join(folder, name);
        await run(process.execPath, [...app, "--stage", "dev", "--out", out], { cwd });
        return Object.entries(contents(out)).filter(([file]) => file.endsWith(".template.json"));
      };
      const fromSources = await templates("sources", sources, root);
      expect(fromSources.length).toBeGreaterThan(0);
      expect(await templates("bundle", ["--no-opt", bundle], folder)).toEqual(fromSources);
    } finally {
      rmSync(folder, { recursive: true });
    }
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

  it("are those of the environment that Lambda sets", async () => {
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

  it("are missed with an error that says where they come from", async () => {
    await expect(call({ AWS_ENDPOINT_URL: "http://127.0.0.1:1" })).rejects.toThrow(
      /AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set. Lambda sets both/,
    );
  });
});
