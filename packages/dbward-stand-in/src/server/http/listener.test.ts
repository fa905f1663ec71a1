import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningServer, ServerSandbox } from "../../conformance/support/server.ts";

let sandbox: ServerSandbox;
let server: RunningServer;
beforeAll(async () => {
  sandbox = await ServerSandbox.create();
  server = await sandbox.start();
});
afterAll(() => sandbox?.dispose());

/** Status of `GET /health` with further headers, as a browser could send them. */
async function statusWith(headers: Record<string, string>): Promise<number | undefined> {
  const request = httpRequest(`${server.url}/health`, { headers }).end();
  const [response] = await once(request, "response");
  response.resume();
  return response.statusCode;
}

it.each<[string, Record<string, string>]>([
  ["a rebound host name", { host: "attacker.example:3000" }],
  ["a page of another site", { origin: "https://attacker.example" }],
  ["a request that a page of another site made", { "sec-fetch-site": "cross-site" }],
  ["a navigation", { "sec-fetch-mode": "navigate", "sec-fetch-site": "none" }],
])("refuses %s", async (_what, headers) => {
  expect(await statusWith(headers)).toBe(403);
});

it("answers a program of this machine, also through another port", async () => {
  expect(await statusWith({})).toBe(200);
  expect(await statusWith({ host: "127.0.0.1:1" })).toBe(200);
});

it.each([
  "GET // HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  "GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET http://x:99999/ HTTP/1.1\r\nHost: x\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
  "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
  "POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{",
  "POST /api/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  "\u0000\u0001\u0002\r\n\r\n",
  "GET /health HT",
])("goes on after %j", async (text) => {
  const { hostname, port } = new URL(server.url);
  // Once with a foreign host, and once with its own, past the first check.
  for (const raw of [text, text.replace("Host: x", `Host: ${hostname}:${port}`)]) {
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    socket.end(raw);
    socket.resume();
    // The server may reset the connection, at which `once` of node:events would fail.
    await new Promise((resolve) => socket.once("close", resolve));
  }
  expect(await statusWith({})).toBe(200);
});
