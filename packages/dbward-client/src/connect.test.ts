import { createServer, type RequestListener } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import { DbwardError, Deadline } from "@dbward-aws/core";
import { afterEach, describe, expect, it } from "vitest";
import { DbwardClient } from "./client.ts";
import { ServerUnreachableError, ServerUrlError } from "./errors.ts";

const HEALTH = { status: "ok", version: "0.2.0", min_agent_version: "0.2.0" };
const TOKEN = `dbw_${"c0ffee00".repeat(4)}`;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A client whose connections are pairs of streams without any socket. */
function clientOf(listener: RequestListener, maxAnswerBytes?: number) {
  const server = createServer(listener);
  /** The server's ends, and the client's. */
  const streams: Duplex[] = [];
  const nearStreams: Duplex[] = [];
  const client = new DbwardClient({
    url: "http://server",
    ...(maxAnswerBytes === undefined ? {} : { maxAnswerBytes }),
    connect: () => {
      const [near, far] = duplexPair();
      // Streams of a pair don't end each other.
      near.on("close", () => far.destroy());
      far.on("close", () => near.destroy());
      streams.push(far);
      nearStreams.push(near);
      server.emit("connection", far);
      return near;
    },
  });
  closing.push(() => client.close());
  return { client, streams, near: nearStreams };
}

const answerHealth: RequestListener = (_request, response) => void response.end(JSON.stringify(HEALTH));

describe("connect", () => {
  it("uses one connection for calls that follow each other", async () => {
    const seen: unknown[] = [];
    const { client, streams, near } = clientOf((request, response) => {
      seen.push([request.method, request.url, request.headers.host, request.headers.authorization]);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ tokens: [] }));
    });
    await client.listTokens({ token: TOKEN });
    const listeners = near[0]!.listenerCount("error");
    await client.listTokens({ token: TOKEN });
    expect(near[0]!.listenerCount("error"), "listeners of a kept connection").toBe(listeners);
    expect(seen).toEqual([
      ["GET", "/api/tokens", "server", `Bearer ${TOKEN}`],
      ["GET", "/api/tokens", "server", `Bearer ${TOKEN}`],
    ]);
    expect(streams).toHaveLength(1);
  });

  it("is called for each call that runs at the same time", async () => {
    const { client, streams } = clientOf((_request, response) =>
      setTimeout(() => response.end(JSON.stringify(HEALTH)), 20),
    );
    await Promise.all([client.health(), client.health(), client.health()]);
    expect(streams).toHaveLength(3);
  });

  it("is called again after an idle connection has ended", async () => {
    const { client, streams } = clientOf(answerHealth);
    await client.health();
    streams[0]!.destroy();
    await expect(client.health()).resolves.toMatchObject({ version: "0.2.0" });
    expect(streams).toHaveLength(2);
  });

  it("is called again for a GET whose kept connection ends before the answer", async () => {
    let calls = 0;
    const { client, streams } = clientOf((_request, response) => {
      if (++calls === 2) response.socket?.destroy();
      else response.end(JSON.stringify(HEALTH));
    });
    await client.health();
    await expect(client.health()).resolves.toMatchObject({ version: "0.2.0" });
    expect([calls, streams.length]).toEqual([3, 2]);
  });

  it("limits the length of an answer", async () => {
    const { client } = clientOf((_request, response) => response.end("x".repeat(5000)), 1000);
    await expect(client.health()).rejects.toMatchObject({ reason: "too-large" });
  });

  it("ends the connections when the client is closed", async () => {
    const { client, streams } = clientOf(answerHealth);
    await client.health();
    const closed = new Promise((resolve) => streams[0]!.once("close", resolve));
    client.close();
    await closed;
  });
});

describe("a connection that can't be opened", () => {
  const failing = (connect: () => Duplex | Promise<Duplex>) =>
    new DbwardClient({ url: "http://server", connect }).health().catch((error: unknown) => error);

  it.each([
    [
      "throws",
      (error: Error) => (): Duplex => {
        throw error;
      },
    ],
    ["rejects", (error: Error) => () => Promise.reject<Duplex>(error)],
  ])("means an unreachable server, with the hint of the cause: connect %s", async (_how, connect) => {
    const cause = new DbwardError("port-session-ended", "The session ended.", {
      hint: "Open the port again.",
    });
    const error = await failing(connect(cause));
    expect(error).toBeInstanceOf(ServerUnreachableError);
    expect(error).toMatchObject({ reason: "connection", hint: "Open the port again.", cause });
  });

  it("times out at the deadline, and destroys a stream that arrives after close()", async () => {
    const [late] = duplexPair();
    let arrive: (stream: Duplex) => void = () => undefined;
    const client = new DbwardClient({
      url: "http://server",
      connect: () =>
        new Promise<Duplex>((resolve) => {
          arrive = resolve;
        }),
    });
    const error = await client.health({ deadline: Deadline.after(50) }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "server-unreachable", reason: "timeout" });
    const closed = new Promise((resolve) => late.once("close", resolve));
    client.close();
    arrive(late);
    await closed;
  });

  it("is rejected for an https: URL", () => {
    const connect = () => duplexPair()[0];
    expect(() => new DbwardClient({ url: "https://server", connect })).toThrow(ServerUrlError);
  });
});
