import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DashboardPage, startDashboardPage } from "./start-dashboard-page.ts";

/** Nothing listens there: what asks AWS fails at once, what serves the page does not care. */
const NOWHERE = {
  endpoint: "http://127.0.0.1:9",
  region: "us-east-1",
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
};

let page: DashboardPage;
let port: number;
/** What a browser has after it has opened the printed address. */
let cookie: string;

beforeAll(async () => {
  page = await startDashboardPage({ stage: "test", aws: NOWHERE });
  port = Number(new URL(page.url).port);
  const opened = await fetch(page.url);
  [cookie = ""] = (opened.headers.get("set-cookie") ?? "").split(";");
});
afterAll(() => page.close());

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Unlike fetch, this sends any Host and Origin. */
function ask(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Reply> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, method, headers: { cookie, ...headers } }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    })
      .on("error", reject)
      .end();
  });
}

describe("who may ask", () => {
  it.each(["127.0.0.1", "localhost"])("a page that was opened at %s", async (host) => {
    expect(await ask("/", { host: `${host}:${port}` })).toMatchObject({ status: 200 });
    expect(await ask("/app.js", { host: `${host}:${port}`, origin: `http://${host}:${port}` })).toMatchObject(
      { status: 200 },
    );
  });

  it("a person who follows a link on another page", async () => {
    const headers = {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    };
    expect(await ask("/", headers)).toMatchObject({ status: 200 });
  });

  it("who opens the printed address, and who has its cookie", async () => {
    const { pathname } = new URL(page.url);
    const { status, headers, body } = await ask(pathname, { cookie: "" });
    expect([status, headers["set-cookie"]]).toEqual([
      200,
      [expect.stringMatching(/^dbward-page-\d+=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict$/)],
    ]);
    expect(body).not.toContain(pathname.slice(1));
  });

  it("not who has neither", async () => {
    for (const path of ["/", "/api/state", "/app.js", "/api/logs", `/${"a".repeat(32)}`])
      for (const none of ["", `${cookie.slice(0, -1)}!`, cookie.replace(/\d+=/, "1=")])
        expect(await ask(path, { cookie: none }), path).toMatchObject({ status: 403 });
  });

  it.each([
    ["a name that was rebound to this machine", { host: "evil.example" }],
    ["this name with another port", { host: "127.0.0.1:1" }],
    ["a script of another site", { origin: "https://evil.example" }],
    ["a script of another port", { origin: "http://127.0.0.1:1" }],
    ["a page without an origin of its own", { origin: "null" }],
    ["an image or frame on another site", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }],
  ])("not %s", async (_who, headers) => {
    for (const path of ["/", "/api/state"])
      expect(await ask(path, headers as Record<string, string>)).toMatchObject({ status: 403 });
  });

  it("and nobody may write", async () => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"])
      expect(await ask("/api/state", {}, method)).toMatchObject({ status: 405 });
  });
});

describe("what is served", () => {
  it("is the page and its own files, with a policy that lets nothing else in", async () => {
    const { headers, body } = await ask("/");
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    const parts = [...body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]!);
    expect(parts.length).toBeGreaterThan(2);
    for (const part of [...parts, "/charts.js", "/dom.js", "/markdown.js", "/tables.js", "/uPlot.esm.js"])
      expect(await ask(part), part).toMatchObject({ status: 200 });
    expect(body).not.toMatch(/https?:\/\//);
  });

  it("is the runbook of an alarm, as text", async () => {
    const { headers, body } = await ask("/runbooks/server-unreachable.md");
    expect(headers["content-type"]).toMatch(/^text\/plain/);
    expect(body).toContain("# server-unreachable");
  });

  it.each([
    "/../package.json",
    "/runbooks/../monitoring.md",
    "/..%2fpackage.json",
    "/page/index.html",
    "/__proto__",
    "/constructor",
    "//evil.example/",
  ])("is not %s", async (path) => {
    expect(await ask(path)).toMatchObject({ status: 404 });
  });

  it("reports what AWS could not answer, part by part, and goes on", async () => {
    const { status, body } = await ask("/api/state");
    expect(status).toBe(200);
    const state = JSON.parse(body) as Record<string, { error?: string }>;
    for (const list of ["alarms", "history", "stacks", "metrics"])
      expect(state[list]?.error, list).toContain("ECONNREFUSED");
    expect(await ask("/api/dashboard")).toMatchObject({ status: 502 });
  });
});
