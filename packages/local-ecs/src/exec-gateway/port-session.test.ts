import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { connect as connectSocket, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { Deadline } from "@dbward-aws/core";
import type { ForwardRequest } from "@dbward-aws/ecs-exec/port";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { ExecGatewayOptions } from "./exec-gateway.ts";
import { CONTAINER, PortAccount } from "./test-support/port-account.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function start(options?: Partial<ExecGatewayOptions>): Promise<PortAccount> {
  const account = await PortAccount.start(options);
  closing.push(() => account.close());
  return account;
}

/** A port of the account that is open here, until the test has ended. */
async function forward(account: PortAccount, port: number, more: Partial<ForwardRequest> = {}) {
  const forwarded = await account.ports.forwardPort({ ...CONTAINER, port, ...more });
  closing.push(() => void forwarded.close());
  return forwarded;
}

function dial(port: number, host = "127.0.0.1"): Socket {
  const socket = connectSocket({ port, host, allowHalfOpen: true, noDelay: true });
  socket.on("error", () => undefined);
  closing.push(() => socket.destroy());
  return socket;
}

const echo = (socket: Socket) => void socket.pipe(socket);

/** Sends bytes and reads as many. */
async function exchange(stream: Duplex, bytes: Uint8Array): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  const all = new Promise<Buffer>((resolve, reject) => {
    stream.on("data", (piece: Buffer) => {
      pieces.push(piece);
      length += piece.length;
      if (length >= bytes.length) resolve(Buffer.concat(pieces));
    });
    stream.once("error", reject);
    stream.once("close", () => reject(new Error(`It was closed after ${length} of ${bytes.length} bytes`)));
  });
  stream.write(bytes);
  const got = await all;
  stream.destroy();
  return got;
}

/** Resolves with whether the socket was reset. */
const closed = (socket: Socket) => new Promise<boolean>((resolve) => socket.once("close", resolve));

async function until(condition: () => boolean): Promise<void> {
  const found = await Deadline.after(60_000).until(() => condition() || undefined, 5);
  expect(found, "what is waited for").toBe(true);
}

/** Bytes to transfer, and milliseconds without traffic; bench/README.md has the figures of more. */
const LARGE = Number(process.env.PORT_TRANSFER_MB ?? 32) * 1024 * 1024;
const IDLE_MS = Number(process.env.PORT_IDLE_SECONDS ?? 12) * 1000;

describe("a forwarded port", () => {
  it("is on both loopback addresses, and leads any number of connections to the port", async () => {
    const account = await start();
    const port = await account.listen(echo);
    const { localPort } = await forward(account, port);
    expect(account.started).toEqual({
      Target: `ecs:test_${CONTAINER.task}_${CONTAINER.task}-0123456789`,
      DocumentName: "AWS-StartPortForwardingSession",
      Parameters: { portNumber: [String(port)] },
    });
    const exchanges = Array.from({ length: 50 }, async (_, index) => {
      const bytes = randomBytes(index * 400 + 1);
      const got = await exchange(dial(localPort, index % 2 ? "127.0.0.1" : "::1"), bytes);
      expect(got.equals(bytes)).toBe(true);
    });
    await Promise.all(exchanges);
    expect(account.violations).toEqual([]);
  });

  it("has the local port that is asked for, and refuses one that is in use before it asks for a session", async () => {
    const account = await start();
    const { localPort } = await forward(account, 80);
    account.calls.length = 0;
    await expect(forward(account, 80, { localPort })).rejects.toMatchObject({ code: "local-port-in-use" });
    expect(account.calls).toEqual([]);
  });

  it("lets connections wait that come before the session is there", async () => {
    const account = await start({ notReadyMs: 500 });
    const port = await account.listen(echo);
    const { localPort, close } = await forward(account, port);
    await close();
    const opening = forward(account, port, { localPort });
    await Deadline.after(100_000).until(async () => {
      const socket = dial(localPort);
      const isRefused = await Promise.race([
        once(socket, "connect").then(
          () => false,
          () => true,
        ),
        closed(socket),
      ]);
      return isRefused ? undefined : exchange(socket, Buffer.from("early")).then(String);
    }, 1);
    const socket = dial((await opening).localPort);
    expect(String(await exchange(socket, Buffer.from("late")))).toBe("late");
  });

  it("delivers every size around that of a message, a line end as the last byte", async () => {
    const account = await start();
    const { localPort } = await forward(account, await account.listen(echo));
    for (let length = 1005; length <= 1035; length++) {
      const bytes = Buffer.concat([randomBytes(length - 1), Buffer.from("\n")]);
      expect((await exchange(dial(localPort), bytes)).equals(bytes), `${length} bytes`).toBe(true);
    }
  });

  it("ends a connection that is refused, and keeps the others", async () => {
    const account = await start();
    const port = await account.listen(echo);
    const gone = await forward(account, 1);
    expect(await closed(dial(gone.localPort))).toBe(true);
    const stream = gone.session.connect();
    await expect(once(stream, "end")).rejects.toMatchObject({
      code: "port-connection-failed",
      reason: "refused",
      message: expect.stringContaining("localhost:1 of the task"),
    });
    const { session } = await forward(account, port);
    expect(String(await exchange(session.connect(), Buffer.from("on")))).toBe("on");
  });

  it("delivers the answer of a program that answers at the end of the request", async () => {
    const account = await start();
    const port = await account.listen((socket) => {
      socket.once("data", (bytes) => setTimeout(() => socket.end(`got ${bytes.toString()}`), 100));
    });
    const { localPort } = await forward(account, port);
    const socket = dial(localPort);
    socket.end("question");
    expect(await text(socket)).toBe("got question");
  });

  it("closes a connection that has written its last byte and gets no answer", async () => {
    const account = await start();
    const { session, localPort } = await forward(account, await account.listen(echo), {
      halfCloseTimeout: 100,
    });
    const socket = dial(localPort);
    socket.end("x");
    expect(await closed(socket)).toBe(true);
    await until(() => session.connections === 0 && account.connections === 0);
  });

  it("keeps no connection whose local program has gone, however many come and go", async () => {
    const account = await start();
    const { session, localPort } = await forward(account, await account.listen(echo));
    for (let round = 0; round < 10; round++)
      await Promise.all(Array.from({ length: 50 }, () => exchange(dial(localPort), Buffer.from("x"))));
    // A local program that closes looks like one that has stopped writing.
    await until(() => session.connections <= 128);
    const reset = dial(localPort);
    reset.write("x");
    await once(reset, "data");
    const before = session.connections;
    reset.resetAndDestroy();
    await until(() => session.connections === before - 1);
  });

  it("ends a connection with all of its data when the port ends it", async () => {
    const account = await start();
    const bytes = randomBytes(3_000_000);
    const port = await account.listen((socket) => socket.end(bytes));
    const { localPort } = await forward(account, port);
    expect((await buffer(dial(localPort))).equals(bytes)).toBe(true);
  });

  it("doesn't keep a small connection waiting behind a large one", async () => {
    const account = await start();
    const port = await account.listen(echo);
    const { session } = await forward(account, port);
    const large = session.connect();
    large.resume().write(randomBytes(4_000_000));
    const small = session.connect();
    expect(String(await exchange(small, Buffer.from("x")))).toBe("x");
    expect(large.writableLength).toBeGreaterThan(0);
    large.destroy();
  });
});

describe("a port session", () => {
  it("is a transport of http.Agent", async () => {
    const account = await start();
    const port = await account.listen(() => undefined);
    const server = http.createServer((request, response) => response.end(`hello ${request.url}`));
    await once(server.listen(0, "127.0.0.1"), "listening");
    closing.push(() => server.close());
    const { port: served } = server.address() as { port: number };
    const { session } = await forward(account, served);
    expect(served).not.toBe(port);
    const agent = new http.Agent({ keepAlive: true, timeout: 5000 });
    agent.createConnection = () => session.connect();
    for (let call = 0; call < 3; call++) {
      const [response] = (await once(http.get(`http://server/${call}`, { agent }), "response")) as [
        http.IncomingMessage,
      ];
      expect(await text(response)).toBe(`hello /${call}`);
    }
    expect(session.connections).toBe(1);
    agent.destroy();
    await until(() => session.connections === 0);
    server.closeAllConnections();
  });

  it("ends with its only connection when one stream is asked for", async () => {
    const account = await start();
    const stream = await account.ports.connect({ ...CONTAINER, port: await account.listen(echo) });
    expect(String(await exchange(stream, Buffer.from("one")))).toBe("one");
    await until(() => account.connections === 0);
    expect(account.calls).not.toContain("TerminateSession");
  });

  it("reaches a host by its own document, and loopback by that of the task", async () => {
    const account = await start();
    const port = await account.listen(echo);
    for (const host of ["localhost", "127.0.0.1", "::1"]) {
      await forward(account, port, { host });
      expect(account.started).toMatchObject({ DocumentName: "AWS-StartPortForwardingSession" });
    }
    const { session } = await forward(account, port, { host: "127.1" });
    expect(account.started).toMatchObject({
      DocumentName: "AWS-StartPortForwardingSessionToRemoteHost",
      Parameters: { host: ["127.1"], portNumber: [String(port)] },
    });
    expect(String(await exchange(session.connect(), Buffer.from("there")))).toBe("there");
  });

  it.each([
    ["169.254.169.254", "Forwarding to IP address 169.254.169.254 is forbidden."],
    ["no-such-host.invalid", "lookup no-such-host.invalid on"],
  ])("says what the agent says to the host %s", async (host, said) => {
    const account = await start();
    await expect(forward(account, 80, { host })).rejects.toMatchObject({
      code: "port-session-ended",
      message: expect.stringContaining(said),
    });
  });

  it("refuses what can't be meant, all of it at once", async () => {
    const account = await start();
    const request = { ...CONTAINER, port: 0, localPort: 70_000, host: "a b" };
    await expect(account.ports.forwardPort(request)).rejects.toThrow(
      /port must be.*localPort must be.*host must be/,
    );
    expect(account.calls).toEqual([]);
  });

  it.each([
    ["AccessDeniedException", "exec-access-denied"],
    ["TargetNotConnected", "target-not-connected"],
    ["InvalidDocument", "session-refused"],
  ])("explains %s", async (name, code) => {
    const account = await start();
    account.refuse = (operation) => (operation === "StartSession" ? name : undefined);
    await expect(forward(account, 80, { connectWithin: 0 })).rejects.toMatchObject({ code });
  });

  it("waits for an agent that isn't connected yet", async () => {
    const account = await start();
    const port = await account.listen(echo);
    let asked = 0;
    account.refuse = (operation) =>
      operation === "StartSession" && ++asked === 1 ? "TargetNotConnected" : undefined;
    const { session } = await forward(account, port);
    expect(String(await exchange(session.connect(), Buffer.from("x")))).toBe("x");
  });

  it("refuses an agent that multiplexes nothing", async () => {
    const account = await start({ agentVersion: "3.0.196.0" });
    await expect(forward(account, 80)).rejects.toMatchObject({
      code: "handshake-failed",
      message: expect.stringContaining("3.0.196.0"),
    });
  });

  it("is open when the agent takes input, and not before", async () => {
    const account = await start({ notReadyMs: 300 });
    const port = await account.listen(echo);
    const startedAt = performance.now();
    const { session } = await forward(account, port);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(295);
    expect(String(await exchange(session.connect(), Buffer.from("x")))).toBe("x");
  });

  it("ends with the deadline when it isn't open by then", async () => {
    const account = await start({ notReadyMs: 60_000 });
    const request = { deadline: Deadline.after(3_000) };
    await expect(forward(account, 80, request)).rejects.toMatchObject({ code: "port-timeout" });
    expect(account.calls).toContain("TerminateSession");
  });

  it("ends by its signal, on the agent's side too", async () => {
    const account = await start();
    const controller = new AbortController();
    const port = await account.listen(echo);
    const { ended, session, localPort } = await forward(account, port, { signal: controller.signal });
    const socket = dial(localPort);
    socket.write("x");
    await once(socket, "data");
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(ended).rejects.toBe(reason);
    await until(() => account.connections === 0);
    expect(account.calls).not.toContain("TerminateSession");
    expect(() => session.connect()).toThrow(expect.objectContaining({ code: "port-session-ended" }));
  });

  it("is terminated by the API call when the agent doesn't read, because its port doesn't", {
    timeout: 200_000,
  }, async () => {
    const account = await start();
    const port = await account.listen((socket) => void socket.pause());
    const { session, close } = await forward(account, port);
    const stream = session.connect();
    stream.on("error", () => undefined);
    stream.write(Buffer.alloc(30_000_000));
    await until(() => account.log.includes("port.target-does-not-read"));
    expect(stream.writableLength).toBeGreaterThan(0);
    await close();
    expect(account.calls.at(-1)).toBe("TerminateSession");
  });

  it("ends with the container: what has come is delivered, then the connection is reset", async () => {
    const account = await start();
    const port = await account.listen((socket) => socket.write("half an answer"));
    const { ended, localPort } = await forward(account, port);
    const socket = dial(localPort);
    await once(socket, "connect");
    await once(socket, "readable");
    account.gateway.endContainer("container-0");
    expect(String(socket.read())).toBe("half an answer");
    expect(await closed(socket)).toBe(true);
    await expect(ended).rejects.toMatchObject({ code: "port-session-ended" });
    expect(await closed(dial(localPort))).toBe(true);
  });

  it.each([
    ["an old agent, by a message every ten seconds", { agentVersion: "3.1.1000.0" }],
    ["an agent that keeps its streams alive itself", {}],
  ])("stays open without traffic with %s", { timeout: 400_000 }, async (_what, options) => {
    const account = await start(options);
    const { session } = await forward(account, await account.listen(echo));
    const quiet = session.connect();
    await Deadline.after(IDLE_MS).sleep(IDLE_MS);
    const answers = [exchange(quiet, Buffer.from("still")), exchange(session.connect(), Buffer.from("new"))];
    expect((await Promise.all(answers)).map(String)).toEqual(["still", "new"]);
  });
});

describe("a port session over a faulty line", () => {
  it("delivers every byte once, in order, to the right connection", { timeout: 300_000 }, async () => {
    const chance = fc.integer({ min: 0, max: 5 }).map((percent) => percent / 100);
    const faults = fc.record({
      seed: fc.nat(),
      drop: chance,
      double: chance,
      reorder: chance,
      delay: chance,
      delayMs: fc.constantFrom(5, 50),
      split: fc.option(fc.integer({ min: 100, max: 1400 }), { nil: undefined }),
      closeEvery: fc.option(fc.integer({ min: 300, max: 900 }), { nil: undefined }),
      closeCleanly: fc.boolean(),
    });
    const sizes = fc.array(fc.integer({ min: 1, max: 15_000 }), { minLength: 1, maxLength: 10 });
    const account = await start();
    const port = await account.listen(echo);
    await fc.assert(
      fc.asyncProperty(faults, sizes, async ({ split, closeEvery, ...others }, lengths) => {
        account.gateway.faults = {
          ...others,
          ...(split ? { split } : {}),
          ...(closeEvery ? { closeEvery } : {}),
        };
        const session = await account.ports.open({ ...CONTAINER, port });
        await Promise.all(
          lengths.map(async (length) => {
            const bytes = randomBytes(length);
            const got = await exchange(session.connect(), bytes);
            expect(got.equals(bytes)).toBe(true);
          }),
        );
        await session.close();
      }),
      { numRuns: 12 },
    );
    expect(account.violations).toEqual([]);
  });

  it("goes on after a cut in the middle of a transfer, in both directions", {
    timeout: 200_000,
  }, async () => {
    // The agent sends a message lost by a cut ten times a second at most: without its pause there would be
    // very many of them.
    const account = await start({ outputPauseMs: 1 });
    const port = await account.listen(echo);
    for (const closeCleanly of [true, false]) {
      account.gateway.faults = { closeEvery: 500, closeCleanly };
      const { localPort } = await forward(account, port);
      const bytes = randomBytes(400_000);
      const got = await exchange(dial(localPort), bytes);
      expect(got.equals(bytes)).toBe(true);
    }
    expect(account.calls.filter((call) => call === "ResumeSession").length).toBeGreaterThan(2);
  });

  it("has its session resumed with a new token for as long as it takes", async () => {
    const account = await start();
    account.gateway.faults = { closeAfter: 40 };
    let refusals = 0;
    account.refuse = (operation) =>
      operation === "ResumeSession" && ++refusals <= 4 ? "ExpiredTokenException" : undefined;
    const { session } = await forward(account, await account.listen(echo));
    const bytes = randomBytes(100_000);
    expect((await exchange(session.connect(), bytes)).equals(bytes)).toBe(true);
    expect(refusals).toBeGreaterThan(4);
  });

  it("ends when it can't be resumed", async () => {
    const account = await start();
    account.gateway.faults = { closeAfter: 20 };
    account.refuse = (operation) => (operation === "ResumeSession" ? "AccessDeniedException" : undefined);
    const { session, ended } = await forward(account, await account.listen(echo), { resumeWithin: 300 });
    const failure = expect(exchange(session.connect(), randomBytes(100_000))).rejects.toThrow();
    await expect(ended).rejects.toMatchObject({
      code: "port-session-ended",
      message: expect.stringContaining("can't be resumed"),
    });
    await failure;
  });
});

describe("a reader that is slow", () => {
  it("gets everything, and the memory stays bounded", { timeout: 200_000 }, async () => {
    const account = await start();
    const bytes = randomBytes(24_000_000);
    const port = await account.listen((socket) => socket.end(bytes));
    const { session } = await forward(account, port);
    const stream = session.connect();
    await Deadline.after(1500).sleep(1500);
    expect(stream.readableLength).toBeLessThan(200_000);
    const hash = createHash("sha256");
    for await (const piece of stream) hash.update(piece as Buffer);
    expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("is reset when it keeps the other connections waiting for too long", { timeout: 200_000 }, async () => {
    const account = await start();
    const port = await account.listen((socket) => {
      socket.once("data", (byte) => {
        if (String(byte) === "!") socket.write(Buffer.alloc(8_000_000));
        else socket.write(byte);
      });
    });
    const { session } = await forward(account, port, { stuckTimeout: 500 });
    const stuck = session.connect();
    stuck.write("!");
    const failed = once(stuck, "close").catch((error: unknown) => error);
    // It stays open: a slow reader that blocks no other connection is left alone.
    const other = session.connect();
    other.write("x");
    const [echoed] = await once(other, "data");
    expect(String(echoed)).toBe("x");
    expect(await failed).toMatchObject({ code: "port-connection-failed", reason: "stuck" });
    other.destroy();
  });
});

describe("the agent's side", () => {
  it("connects one at a time, and lets what comes meanwhile wait", async () => {
    const account = await start({ dialDelayMs: 50 });
    const { session } = await forward(account, await account.listen(echo));
    const startedAt = performance.now();
    const echoes = await Promise.all(
      [1, 2, 3].map((number) => exchange(session.connect(), Buffer.from([number]))),
    );
    expect(echoes.map(([byte]) => byte)).toEqual([1, 2, 3]);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(145);
  });
});

it("transfers much in both directions without growing", { timeout: 3_600_000 }, async () => {
  const account = await start();
  const chunk = randomBytes(1024 * 1024);
  const rounds = LARGE / chunk.length;
  const expected = createHash("sha256");
  for (let round = 0; round < rounds; round++) expected.update(chunk);
  const sum = expected.digest("hex");
  const up = await account.listen((socket) => {
    const hash = createHash("sha256");
    let missing = LARGE;
    socket.on("data", (piece) => {
      hash.update(piece);
      missing -= piece.length;
      if (missing === 0) socket.end(hash.digest("hex"));
    });
  });
  const down = await account.listen(async (socket) => {
    for (let round = 0; round < rounds; round++) if (!socket.write(chunk)) await once(socket, "drain");
    socket.end();
  });
  const memory = () => process.memoryUsage().rss;
  const before = memory();
  let peak = before;
  const sampling = setInterval(() => {
    peak = Math.max(peak, memory());
  }, 50);
  const upload = dial((await forward(account, up)).localPort);
  const answer = new Promise<string>((resolve) => upload.once("data", (bytes) => resolve(String(bytes))));
  for (let round = 0; round < rounds; round++) if (!upload.write(chunk)) await once(upload, "drain");
  expect(await answer).toBe(sum);
  const download = dial((await forward(account, down)).localPort);
  const hash = createHash("sha256");
  for await (const piece of download) hash.update(piece as Buffer);
  expect(hash.digest("hex")).toBe(sum);
  clearInterval(sampling);
  const megabytes = (bytes: number) => Math.round(bytes / 1024 / 1024);
  if (process.env.PORT_TRANSFER_MB)
    console.log(`memory: ${megabytes(before)} MB before, ${megabytes(peak)} at most`);
  // Client, gateway and both programs are in this process.
  expect((peak - before) / 1024 / 1024).toBeLessThan(150);
});
