import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { foreignRequest, type Listener, startListener } from "./listener.ts";

const PORT = 4566;
const OWN = "127.0.0.1:4566";
const NAVIGATION = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

describe("a request", () => {
  it.each<[string, Record<string, string>]>([
    ["a program", {}],
    ["a program that knows it as localhost", { host: "localhost:4566" }],
    ["Node's fetch", { "sec-fetch-mode": "cors" }],
    ["its own page", { origin: `http://${OWN}`, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }],
  ])("%s", (_who, headers) => {
    for (const pages of [true, false])
      expect(
        foreignRequest({ url: "/", headers: { host: OWN, ...headers } }, PORT, { pages }),
      ).toBeUndefined();
  });

  it.each<[string, Record<string, string | undefined>]>([
    ["a request without a host", { host: undefined }],
    ["a name that was rebound to this machine", { host: "evil.example:4566" }],
    ["another port of this machine", { host: "127.0.0.1:1" }],
    ["another address of this machine", { host: "127.0.0.2:4566" }],
    ["a script of another site", { origin: "https://evil.example" }],
    ["a script of another port", { origin: "http://127.0.0.1:1" }],
    ["a script of its other name", { origin: "http://localhost:4566" }],
    ["a page without an origin of its own", { origin: "null" }],
    ["an image of another site", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }],
    ["a WebSocket of another site", { origin: "https://evil.example", "sec-fetch-mode": "websocket" }],
    ["a script of another port's page", { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" }],
    ["a frame", { "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" }],
  ])("not %s", (_who, headers) => {
    for (const pages of [true, false])
      expect(foreignRequest({ url: "/", headers: { host: OWN, ...headers } }, PORT, { pages })).toEqual(
        expect.any(String),
      );
  });

  it("of a person who opens a URL in a browser is admitted only where there are pages", () => {
    for (const site of ["none", "cross-site"]) {
      const request = { url: "/", headers: { host: OWN, "sec-fetch-site": site, ...NAVIGATION } };
      expect(foreignRequest(request, PORT, { pages: true })).toBeUndefined();
      expect(foreignRequest(request, PORT, { pages: false })).toEqual(expect.any(String));
    }
  });

  it.each(["*", "http://evil.example/", "evil.example:443", undefined])(
    "is rejected for the URL %s",
    (url) => {
      expect(foreignRequest({ url, headers: { host: OWN } } as never, PORT, { pages: true })).toEqual(
        expect.any(String),
      );
    },
  );
});

describe("a listener", () => {
  let listener: Listener;
  const errors: unknown[] = [];
  beforeAll(async () => {
    listener = await startListener({
      patience: { headers: 400, request: 800 },
      onError: (error) => errors.push(error),
      answer: (request, response) => {
        if (request.url === "/thrown") throw new Error("thrown");
        if (request.url === "/rejected") return Promise.reject(new Error("rejected"));
        request.resume();
        request.once("end", () => response.end("good"));
      },
      upgrade: () => {
        throw new Error("of the upgrade");
      },
    });
  });
  afterAll(() => listener.close());

  /** What comes back for these bytes until the connection ends. */
  function exchange(text: string): Promise<string> {
    return new Promise((resolve) => {
      let answer = "";
      const socket = connect(listener.port, "127.0.0.1", () => socket.write(text));
      socket.on("data", (data) => {
        answer += data.toString("latin1");
      });
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(answer));
    });
  }
  const host = () => `Host: 127.0.0.1:${listener.port}\r\n`;
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

  it("answers, with headers that keep other sites from reading it", async () => {
    const answer = await fetch(listener.url);
    expect([answer.status, await answer.text()]).toEqual([200, "good"]);
    expect(answer.headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  it.each(["/thrown", "/rejected"])("answers an error with 500, without its message: %s", async (path) => {
    const answer = await fetch(`${listener.url}${path}`);
    expect([answer.status, await answer.text()]).toEqual([500, "The request failed.\n"]);
  });

  it("rejects requests for another host, upgrades included", async () => {
    expect(await exchange("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")).toMatch(
      /^HTTP\/1.1 403 /,
    );
    expect(await exchange(`GET / HTTP/1.1\r\nHost: evil.example\r\n${upgrade}\r\n`)).toMatch(
      /^HTTP\/1.1 403 /,
    );
    expect(
      await exchange(`GET / HTTP/1.1\r\n${host()}Origin: http://evil.example\r\n${upgrade}\r\n`),
    ).toMatch(/^HTTP\/1.1 403 /);
  });

  it("keeps running when the handler of an upgrade throws", async () => {
    for (const path of ["/", "//", "/%", "/\\"])
      expect(await exchange(`GET ${path} HTTP/1.1\r\n${host()}${upgrade}\r\n`), path).toMatch(
        /^HTTP\/1.1 400 /,
      );
    expect(errors.length).toBeGreaterThan(3);
  });

  it("is not a proxy", async () => {
    expect(await exchange("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n")).toMatch(
      /^HTTP\/1.1 405 /,
    );
  });

  it("closes the connection of a request that never ends", async () => {
    const startedAt = performance.now();
    await exchange(`GET / HTTP/1.1\r\n${host()}X-Slow: `);
    await exchange(`POST / HTTP/1.1\r\n${host()}Content-Length: 10\r\n\r\n1`);
    expect(performance.now() - startedAt).toBeLessThan(100_000);
  });

  it("closes its connections when it is closed", async () => {
    const [a, b] = [1, 2].map(
      () =>
        new Promise<void>((resolve) => {
          const request = httpRequest({ port: listener.port, host: "127.0.0.1", method: "POST" });
          request.on("error", () => resolve());
          request.write("half", () => request.destroy(new Error("gone")));
        }),
    );
    await Promise.all([a, b]);
    expect((await fetch(listener.url)).status).toBe(200);
  });
});
