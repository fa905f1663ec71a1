import { describe, expect, it, onTestFinished } from "vitest";
import { type Responder, startHttpServer } from "../../../core/src/test-support/http-server.ts";
import { findImage } from "./find-image.ts";
import { digestOf } from "./manifest.ts";

const { signal } = new AbortController();
/** Of `{}`. */
const MANIFEST_DIGEST = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

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
    return response.end("{}");
  });
  expect(await findImage(`${host}/dbward-dev/dbward-server`, "0.3.0", signal)).toEqual({
    state: "found",
    digest: MANIFEST_DIGEST,
    platforms: undefined,
  });
  expect(await findImage(`${host}/dbward-dev/dbward-server`, "9.9.9", signal)).toEqual({ state: "missing" });
  expect(seen.slice(0, 3)).toEqual([
    ["GET", "/v2/dbward-dev/dbward-server/manifests/0.3.0", undefined],
    ["GET", "/token?service=ghcr.io&scope=repository%3Adbward-dev%2Fdbward-server%3Apull", undefined],
    ["GET", "/v2/dbward-dev/dbward-server/manifests/0.3.0", "Bearer anonymous"],
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
    "sends a manifest without end",
    (_request, response) => {
      const timer = setInterval(() => response.write("x".repeat(1024 * 1024)), 1);
      return response.on("close", () => clearInterval(timer));
    },
  ],
  [
    "sends elsewhere in plain text",
    (_request, response) =>
      response.writeHead(401, { "www-authenticate": 'Bearer realm="http://example.com/token"' }).end(),
  ],
])("doesn't know when the registry %s", async (_what, listener) => {
  expect(await findImage(`${await registry(listener)}/a/b`, "1.0.0", signal)).toEqual({ state: "unknown" });
});

it("takes the image of a digest only with that digest", async () => {
  const host = await registry((_request, response) => response.end("{}"));
  expect(await findImage(`${host}/a/b`, MANIFEST_DIGEST, signal)).toMatchObject({ state: "found" });
  const other = MANIFEST_DIGEST.replace("44", "45");
  expect(await findImage(`${host}/a/b`, other, signal)).toEqual({ state: "unknown" });
});

describe("a single image, whose manifest names no platform", () => {
  const CONFIG = JSON.stringify({ os: "linux", architecture: "amd64" });
  const manifest = JSON.stringify({ config: { digest: digestOf(CONFIG) } });
  /** @param blob answers requests for the configuration */
  const platforms = async (blob: Responder) => {
    const host = await registry((request, response) => {
      if (request.url === "/v2/a/b/manifests/1.0.0") return response.end(manifest);
      return blob(request, response);
    });
    const found = await findImage(`${host}/a/b`, "1.0.0", signal);
    return found.state === "found" ? found.platforms : found.state;
  };

  it("has the platform of its configuration, which the registry may keep elsewhere", async () => {
    const asked: unknown[] = [];
    const read: Responder = ({ url, headers }, response) => {
      asked.push([url, headers.authorization]);
      return url === "/elsewhere"
        ? response.end(CONFIG)
        : response.writeHead(307, { location: "/elsewhere" }).end();
    };
    expect(await platforms(read)).toEqual(["linux/amd64"]);
    expect(asked).toEqual([
      [`/v2/a/b/blobs/${encodeURIComponent(digestOf(CONFIG))}`, undefined],
      ["/elsewhere", undefined],
    ]);
  });

  it.each<[string, Responder]>([
    ["is another one", (_request, response) => response.end(CONFIG.replace("amd64", "arm64"))],
    ["is missing", (_request, response) => response.writeHead(404).end()],
    ["is behind a second redirect", (_request, response) => response.writeHead(307, { location: "/" }).end()],
    [
      "is elsewhere in plain text",
      (_request, response) => response.writeHead(307, { location: "http://example.com/" }).end(),
    ],
    [
      "has no end",
      (_request, response) => {
        const timer = setInterval(() => response.write("x".repeat(1024 * 1024)), 1);
        return response.on("close", () => clearInterval(timer));
      },
    ],
  ])("has none that is known when the configuration %s", async (_what, blob) => {
    expect(await platforms(blob)).toBeUndefined();
  });

  it("sends its token to the registry, and not to where a redirect leads", async () => {
    const asked: unknown[] = [];
    const host = await registry((request, response) => {
      const { url = "", headers } = request;
      if (url.startsWith("/token")) return response.end(JSON.stringify({ token: "anonymous" }));
      if (url === "/elsewhere") {
        asked.push(headers.authorization);
        return response.end(CONFIG);
      }
      if (headers.authorization !== "Bearer anonymous")
        return response
          .writeHead(401, { "www-authenticate": `Bearer realm="http://${headers.host}/token"` })
          .end();
      if (url.includes("/manifests/")) return response.end(manifest);
      return response.writeHead(307, { location: "/elsewhere" }).end();
    });
    expect(await findImage(`${host}/a/b`, "1.0.0", signal)).toMatchObject({ platforms: ["linux/amd64"] });
    expect(asked).toEqual([undefined]);
  });
});

it("doesn't know when there is no registry", async () => {
  expect(await findImage("127.0.0.1:1/a/b", "1.0.0", signal)).toEqual({ state: "unknown" });
});
