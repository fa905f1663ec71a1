import { expect, it, onTestFinished } from "vitest";
import { type Responder, startHttpServer } from "../../../core/src/test-support/http-server.ts";
import { findTag } from "./find-tag.ts";

const { signal } = new AbortController();

/** A registry on this machine. @returns its host and port */
async function registry(respond: Responder): Promise<string> {
  const server = await startHttpServer(respond);
  onTestFinished(server.close);
  return new URL(server.url).host;
}

it("finds a tag with an anonymous token, as ghcr.io wants one", async () => {
  const seen: unknown[] = [];
  const host = await registry((request, response) => {
    seen.push([request.method, request.url, request.headers.authorization]);
    if (request.url?.startsWith("/token")) return response.end(JSON.stringify({ token: "anonymous" }));
    if (request.headers.authorization !== "Bearer anonymous") {
      response.statusCode = 401;
      const scope = "repository:dbward-dev/dbward-server:pull";
      response.setHeader(
        "www-authenticate",
        `Bearer realm="http://${request.headers.host}/token",service="ghcr.io",scope="${scope}"`,
      );
    } else response.statusCode = request.url?.endsWith("/0.3.0") ? 200 : 404;
    return response.end();
  });
  expect(await findTag(`${host}/dbward-dev/dbward-server`, "0.3.0", signal)).toBe("found");
  expect(await findTag(`${host}/dbward-dev/dbward-server`, "9.9.9", signal)).toBe("missing");
  expect(seen.slice(0, 3)).toEqual([
    ["HEAD", "/v2/dbward-dev/dbward-server/manifests/0.3.0", undefined],
    ["GET", "/token?service=ghcr.io&scope=repository%3Adbward-dev%2Fdbward-server%3Apull", undefined],
    ["HEAD", "/v2/dbward-dev/dbward-server/manifests/0.3.0", "Bearer anonymous"],
  ]);
});

it.each<[string, Responder]>([
  ["wants a login", (_request, response) => response.writeHead(401, { "www-authenticate": "Basic" }).end()],
  ["redirects", (_request, response) => response.writeHead(307, { location: "http://127.0.0.1:1/" }).end()],
  ["fails", (_request, response) => response.writeHead(500).end()],
  ["ends the connection", (request) => request.socket.destroy()],
  [
    "has a token service that sends without end",
    (request, response) => {
      if (!request.url?.startsWith("/token"))
        return response
          .writeHead(401, { "www-authenticate": `Bearer realm="http://${request.headers.host}/token"` })
          .end();
      const timer = setInterval(() => response.write("x".repeat(64 * 1024)), 1);
      return response.on("close", () => clearInterval(timer));
    },
  ],
  [
    "sends elsewhere in plain text",
    (_request, response) =>
      response.writeHead(401, { "www-authenticate": 'Bearer realm="http://example.com/token"' }).end(),
  ],
])("doesn't know when the registry %s", async (_what, listener) => {
  expect(await findTag(`${await registry(listener)}/a/b`, "1.0.0", signal)).toBe("unknown");
});

it("doesn't know when there is no registry", async () => {
  expect(await findTag("127.0.0.1:1/a/b", "1.0.0", signal)).toBe("unknown");
});
