import { connect } from "node:net";
import { identify, newCredentials } from "@dbward-aws/local-account";
import { expect, it, onTestFinished } from "vitest";
import type { StageStatus } from "../stage/status.ts";
import { fetchStatus, followEvents } from "./control-client.ts";
import { startControlServer } from "./control-server.ts";
import { type RunEvent, RunEvents } from "./run-events.ts";
import { EMPTY_STATUS } from "./test-support/empty-status.ts";

/** This process hosts the run; the other one has ended. */
const ALIVE = identify(process.pid)!;
const SECRET = "only the owner knows";
const CREDENTIALS = newCredentials();
const GONE = { pid: process.pid, started: "never" };

async function serve(status?: StageStatus, heartbeatMs?: number) {
  const events = new RunEvents();
  const server = await startControlServer({
    secret: SECRET,
    events,
    status: async () => status,
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
  });
  onTestFinished(() => server.close());
  return {
    events,
    server,
    run: { host: ALIVE, control: server.port, secret: SECRET, credentials: CREDENTIALS },
  };
}

it("sends a late follower all events from the start, and then new ones", async () => {
  const { events, run } = await serve();
  events.add({ kind: "started", step: "Build" });
  const seen: RunEvent[] = [];
  for await (const event of followEvents(run)) {
    seen.push(event);
    if (event.kind === "started") events.add({ kind: "ready", milliseconds: 5 });
    if (event.kind === "ready") break;
  }
  expect(seen.map(({ kind }) => kind)).toEqual(["started", "ready"]);
});

it("ends the story when the process ends", async () => {
  const { events, server, run } = await serve();
  events.add({ kind: "started", step: "Build" });
  const seen: RunEvent[] = [];
  for await (const event of followEvents({ ...run, host: GONE })) {
    seen.push(event);
    server.disconnect();
  }
  expect(seen).toHaveLength(1);
});

it("goes on after a connection that was cut, with each event once", async () => {
  const { events, server, run } = await serve();
  events.add({ kind: "started", step: "Build" });
  const seen: RunEvent[] = [];
  for await (const event of followEvents(run)) {
    seen.push(event);
    server.disconnect();
    if (event.kind === "started") events.add({ kind: "ready", milliseconds: 5 });
    else break;
  }
  expect(seen.map(({ kind }) => kind)).toEqual(["started", "ready"]);
});

it("sends signs of life while nothing happens, which are not events", async () => {
  const { events, run } = await serve(undefined, 20);
  const response = await fetch(`http://127.0.0.1:${run.control}/events`, {
    headers: { authorization: `Bearer ${SECRET}` },
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toBe("\n");
  await reader.cancel();

  const seen: RunEvent[] = [];
  setTimeout(() => events.add({ kind: "ready", milliseconds: 5 }), 100);
  for await (const event of followEvents(run)) {
    seen.push(event);
    break;
  }
  expect(seen).toEqual([{ kind: "ready", milliseconds: 5 }]);
});

it("keeps the events of a reader that is slow, and stays with the others meanwhile", async () => {
  const { events, run } = await serve(undefined, 1);
  const slow = connect(run.control, "127.0.0.1");
  onTestFinished(() => void slow.destroy());
  slow.write(
    `GET /events HTTP/1.1\r\nHost: 127.0.0.1:${run.control}\r\nAuthorization: Bearer ${SECRET}\r\n\r\n`,
  );
  slow.pause();
  const text = "x".repeat(10_000);
  const many = 2_000;
  for (let note = 0; note < many; note++) events.add({ kind: "noted", step: "Build", text });
  events.add({ kind: "ready", milliseconds: 5 });
  let seen = 0;
  for await (const { kind } of followEvents(run)) {
    seen++;
    if (kind === "ready") break;
  }
  expect(seen).toBe(many + 1);
  let last = "";
  for await (const chunk of slow) {
    last = (last + chunk).slice(-200);
    if (last.includes('"ready"')) break;
  }
  expect(last).toContain('"ready"');
});

it("hands out the status, and none while there is no account", async () => {
  expect(await fetchStatus((await serve(EMPTY_STATUS)).run)).toEqual(EMPTY_STATUS);
  expect(await fetchStatus((await serve()).run)).toBeUndefined();
});

it("hands out the status of the stage that is asked for", async () => {
  const asked: (string | undefined)[] = [];
  const server = await startControlServer({
    secret: SECRET,
    events: new RunEvents(),
    status: async (stage) => {
      asked.push(stage);
      return { ...EMPTY_STATUS, stage: stage ?? "local" };
    },
  });
  onTestFinished(() => server.close());
  const run = { host: ALIVE, control: server.port, secret: SECRET, credentials: CREDENTIALS };
  expect((await fetchStatus(run, "dev & more"))?.stage).toBe("dev & more");
  expect((await fetchStatus(run))?.stage).toBe("local");
  expect(asked).toEqual(["dev & more", undefined]);
});

it.each(["/status", "/events"])("answers no caller without the secret at %s", async (path) => {
  const { server, run } = await serve(EMPTY_STATUS);
  const requests: RequestInit[] = [{}, { headers: { authorization: "Bearer of nothing" } }];
  for (const request of requests) {
    const answer = await fetch(`${server.url}${path}`, request);
    expect([answer.status, await answer.text()]).toEqual([403, '{"error":"wrong secret"}']);
  }
  expect(await fetchStatus({ ...run, secret: "guessed" })).toBeUndefined();
});
