import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { freePort } from "../task-runner/free-port.ts";
import { installPrograms, programsFolder } from "../task-runner/programs.ts";
import { temporaryDirectory } from "../test-support/temporary-directory.ts";

/** On a PATH without curl the folder of programs gets one. */
function ownCurl(): string {
  const directory = temporaryDirectory();
  installPrograms(directory, { PATH: "/nowhere" }, true);
  return path.join(programsFolder(directory), "curl");
}

/** The machine's own curl, to which ours is compared. */
const real =
  spawnSync("curl", ["--version"]).status === 0 ? [{ name: "the machine's", curl: () => "curl" }] : [];

async function run(curl: string, args: string[], input = ""): Promise<{ out: string; code: number }> {
  const child = spawn(curl, args, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(input);
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number]>]);
  return { out, code };
}

/** Answers with what it was asked; `/<number>` with that status, `/silent` never. */
async function echoServer(): Promise<string> {
  const server = createServer(async (request, response) => {
    if (request.url === "/silent") return;
    response.statusCode = Number(request.url?.slice(1)) || 200;
    const { authorization, "content-type": type = "" } = request.headers;
    response.end(`${request.method} ${request.url} ${authorization} ${type} ${await text(request)}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.each([{ name: "our own", curl: ownCurl }, ...real])("curl: $name", ({ curl: find }) => {
  it("gets a page, and its status after it", async () => {
    const url = await echoServer();
    expect(await run(find(), ["-q", "-s", "-w", " %{http_code}", `${url}/health`])).toEqual({
      out: "GET /health undefined   200",
      code: 0,
    });
  });

  it("reads a header from standard input, so that it is no argument", async () => {
    const url = await echoServer();
    const args = ["-q", "-s", "-m", "15", "--noproxy", "*", "-K", "-", "-w", " %{http_code}"];
    const post = [
      "-X",
      "POST",
      "-H",
      "Content-Type: application/json",
      "--data-binary",
      '{"a":1}',
      `${url}/x`,
    ];
    const header = 'header = "Authorization: Bearer a\\"b"\n';
    expect(await run(find(), [...args, ...post], header)).toEqual({
      out: 'POST /x Bearer a"b application/json {"a":1} 200',
      code: 0,
    });
  });

  it("signs a call of AWS", async () => {
    const url = await echoServer();
    const input = 'user = "AKID:secret"\ndata-binary = "{\\"SecretString\\":\\"s\\"}"\n';
    const { out, code } = await run(
      find(),
      [
        "-q",
        "-s",
        "-K",
        "-",
        "--aws-sigv4",
        "aws:amz:us-east-1:secretsmanager",
        "-H",
        "content-type: x/y",
        `${url}/`,
      ],
      input,
    );
    expect(out).toMatch(
      /^POST \/ AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/us-east-1\/secretsmanager\/aws4_request, ?SignedHeaders=content-type;host;x-amz-date, ?Signature=[0-9a-f]{64} x\/y \{"SecretString":"s"\}$/,
    );
    expect(code).toBe(0);
  });

  it.each([
    { what: "a refused page", page: "/404", args: ["-sf"], expected: { out: "", code: 22 } },
    {
      what: "a page without an answer",
      page: "/silent",
      args: ["-s", "-m", "1"],
      expected: { out: "", code: 28 },
    },
    { what: "a file for the body", page: "/x", args: ["-so/dev/null"], expected: { out: "", code: 0 } },
  ])("$what", async ({ page, args, expected }) => {
    expect(await run(find(), [...args, (await echoServer()) + page])).toEqual(expected);
  });

  it("says when nobody listens", async () => {
    const args = ["-s", "-w", "%{http_code}", `http://127.0.0.1:${await freePort()}`];
    expect(await run(find(), args)).toEqual({ out: "000", code: 7 });
  });

  it("refuses what it doesn't know", async () => {
    expect((await run(find(), ["--no-such-option", "http://127.0.0.1:1"])).code).toBe(2);
  });
});
