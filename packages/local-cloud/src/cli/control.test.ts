import { request } from "node:http";
import { expect, it, onTestFinished } from "vitest";
import type { StageStatus } from "../stage/status.ts";
import { fetchStatus, followEvents } from "./control-client.ts";
import { startControlServer } from "./control-server.ts";
import { type RunEvent, RunEvents } from "./run-events.ts";
import { EMPTY_STATUS } from "./test-support/empty-status.ts";

async function serve(status?: StageStatus) {
  const events = new RunEvents();
  const server = await startControlServer({ events, status: async () => status });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { events, server };
}

it("tells who comes late the whole story, and then what happens", async () => {
  const { events, server } = await serve();
  events.add({ kind: "started", step: "Build" });
  const seen: RunEvent[] = [];
  for await (const event of followEvents(server.port)) {
    seen.push(event);
    if (event.kind === "started") events.add({ kind: "ready", milliseconds: 5 });
    if (event.kind === "ready") break;
  }
  expect(seen.map(({ kind }) => kind)).toEqual(["started", "ready"]);
});

it("ends the story when the process ends", async () => {
  const { events, server } = await serve();
  events.add({ kind: "started", step: "Build" });
  const seen: RunEvent[] = [];
  for await (const event of followEvents(server.port)) {
    seen.push(event);
    server.closeAllConnections();
  }
  expect(seen).toHaveLength(1);
});

it("hands out the status, and none while there is no account", async () => {
  expect(await fetchStatus((await serve(EMPTY_STATUS)).server.port)).toEqual(EMPTY_STATUS);
  expect(await fetchStatus((await serve()).server.port)).toBeUndefined();
});

it("refuses a request under another host name", async () => {
  const { server } = await serve(EMPTY_STATUS);
  const answered = await new Promise<number | undefined>((resolve, reject) => {
    request({ port: server.port, host: "127.0.0.1", path: "/status", headers: { host: "evil.example" } })
      .on("response", (response) => {
        response.resume();
        resolve(response.statusCode);
      })
      .on("error", reject)
      .end();
  });
  expect(answered).toBe(403);
});
