import { copyFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { describe } from "vitest";
import { sandboxed as it } from "../conformance/support/sandboxed.ts";
import type { RunningServer, ServerSandbox } from "../conformance/support/server.ts";

/** What only the stand-in does; what it has in common with dbward is in `src/conformance`. */

const version = (number: string) => ({ environment: { DBWARD_STANDIN_VERSION: number } });
const state = async (sandbox: ServerSandbox) => JSON.parse(await sandbox.read("dbward.db"));

/** Sends bytes as they are. @returns the first line of the answer */
function raw(server: RunningServer, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1", () => socket.end(text));
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("close", () => resolve(answer.split("\r\n")[0]!)).on("error", reject);
  });
}

describe("the stand-in server", { concurrent: true }, () => {
  it("says what it is, in every answer its version, and keeps no token", async ({ sandbox, expect }) => {
    const server = await sandbox.start(version("0.3.1"));
    expect(server.program.output.join("\n")).toContain("this is the stand-in for dbward-server 0.3.1");
    const health = await server.as(undefined).get("/health");
    expect(health.headers.get("x-dbward-version")).toBe("0.3.1");
    expect(health.json).toMatchObject({ version: "0.3.1", min_agent_version: "0.3.1" });
    const user = await server.user(["requester"]);
    expect(await sandbox.read("dbward.db")).not.toMatch(new RegExp(`${user.token}|dbw_[0-9a-f]{8}`));
  });

  it("migrates at an upgrade, keeping the former file, and says nothing at a downgrade", async ({
    sandbox,
    expect,
  }) => {
    await (await sandbox.start(version("0.2.0"))).program.kill();
    const before = await sandbox.read("dbward.db");
    await (await sandbox.start(version("0.3.1"))).program.kill();
    expect(await sandbox.read("dbward.db.bak.v2")).toBe(before);
    expect(await state(sandbox)).toMatchObject({ schema: 3 });
    await sandbox.start(version("0.2.0"));
    expect(await state(sandbox)).toMatchObject({ schema: 3 });
  });

  it("leaves the database of a real server alone, and one that it doesn't know", async ({
    sandbox,
    expect,
  }) => {
    await (await sandbox.start()).program.kill();
    for (const text of ["SQLite format 3\0", "{}", '{"format":1}', "{", "null"]) {
      await writeFile(sandbox.path("dbward.db"), text);
      const { program } = await sandbox.spawn();
      expect(await program.ended(), text).toBe(1);
      expect(program.output.join("\n"), text).toMatch(/^Error: .*dbward\.db/m);
      expect(await sandbox.read("dbward.db")).toBe(text);
    }
  });

  it("is degraded on request", async ({ sandbox, expect }) => {
    const server = await sandbox.start();
    await writeFile(sandbox.path("stand-in-degraded"), "");
    expect(await server.as(undefined).get("/ready")).toMatchObject({
      status: 503,
      json: { status: "degraded", checks: { sqlite: "unavailable" } },
    });
  });

  it("outlives a file that was damaged for a while", async ({ sandbox, expect }) => {
    const server = await sandbox.start();
    await copyFile(sandbox.path("dbward.db"), sandbox.path("copy"));
    await writeFile(sandbox.path("dbward.db"), "{");
    expect((await server.as(undefined).get("/ready")).status).toBe(503);
    await copyFile(sandbox.path("copy"), sandbox.path("dbward.db"));
    expect((await server.as(undefined).get("/ready")).status).toBe(200);
    expect((await (await server.admin()).get("/api/me")).status).toBe(200);
  });

  it("outlives calls that are none", async ({ sandbox, expect }) => {
    const server = await sandbox.start();
    const authorization = `Authorization: Bearer ${await sandbox.read("admin-token")}`;
    const host = `Host: ${new URL(server.url).host}`;
    for (const target of [
      "OPTIONS *",
      "GET http://[",
      "GET //health",
      "GET /api/users/%zz",
      "GET /api/users/%00",
    ])
      expect(
        await raw(server, `${target} HTTP/1.1\r\n${host}\r\n${authorization}\r\nConnection: close\r\n\r\n`),
        target,
      ).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect((await server.as(undefined).get("/health")).status).toBe(200);
  });

  it.for([
    ["POST", "/mcp"],
    ["POST", "/api/preflight"],
    ["POST", "/api/webhooks/x/test"],
    ["GET", "/api/policy-resolution"],
  ] as const)("doesn't have %s %s", async ([method, path], { sandbox, expect }) => {
    const server = await sandbox.start();
    expect((await (await server.admin()).send(method, path)).status).toBe(501);
  });
});
