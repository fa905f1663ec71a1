import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { build } from "esbuild";
import { afterAll, describe, expect, it } from "vitest";
import { answerWith } from "./test-support/canned-agent.ts";
import { ExecService } from "./test-support/exec-service.ts";

const folder = mkdtempSync(join(tmpdir(), "ecs-exec-"));
const bundle = join(folder, "main.mjs");
afterAll(() => rmSync(folder, { recursive: true }));

/** As a function is bundled: everything inside but `ws`. */
async function bundleProgram(): Promise<string[]> {
  const { metafile } = await build({
    stdin: {
      contents: `
        import { ECSClient } from "@aws-sdk/client-ecs";
        import { Deadline } from "@dbward-aws/core";
        import { EcsExec } from "./index.ts";
        const exec = new EcsExec({ ecs: new ECSClient({ maxAttempts: 1 }) });
        const request = { cluster: "c", task: "t", container: "s", script: "x", deadline: Deadline.after(100_000) };
        const result = await exec.execute(request).catch((error) => ({ stdout: error.code }));
        process.stdout.write(result.stdout);
      `,
      resolveDir: import.meta.dirname,
    },
    outfile: bundle,
    bundle: true,
    platform: "node",
    format: "esm",
    mainFields: ["module", "main"],
    conditions: ["@dbward-aws/source", "module"],
    external: ["ws"],
    metafile: true,
    logLevel: "silent",
  });
  return Object.keys(metafile.inputs);
}

/** @param switches of Node; Node 22 and later have a WebSocket without any */
async function run(switches: string[], endpoint: string): Promise<string> {
  const program = spawn(process.execPath, [...switches, bundle], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env.PATH,
      NODE_NO_WARNINGS: "1",
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: "eu-central-1",
      AWS_ACCESS_KEY_ID: "id",
      AWS_SECRET_ACCESS_KEY: "key",
    },
  });
  return text(program.stdout);
}

describe("a bundle without ws", () => {
  it("contains neither ws nor unused clients, and runs on Node's own WebSocket", async () => {
    const inputs = await bundleProgram();
    expect(inputs.filter((input) => /\/ws\/|client-(?:kms|ssm)/.test(input))).toEqual([]);
    const output = "a line\n".repeat(1000);
    const service = await ExecService.start({
      session: (socket, line) => socket.once("message", () => answerWith(socket, line, Buffer.from(output))),
    });
    try {
      const endpoint = service.url.replace("ws:", "http:").replace(/\/v1.*/, "");
      expect(await run(["--experimental-websocket"], endpoint)).toBe(output);
      if (process.version.startsWith("v20.")) expect(await run([], endpoint)).toBe("no-web-socket");
    } finally {
      await service.close();
    }
  });
});
