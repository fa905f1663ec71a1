import { randomBytes } from "node:crypto";
import { Deadline, describeError } from "@dbward-aws/core";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { EcsExec, type EcsExecOptions } from "./ecs-exec.ts";
import type { ExecRequest } from "./exec-request.ts";
import { encodeMessage, MESSAGE_TYPE } from "./protocol/index.ts";
import type { WebSocketConstructor } from "./session/index.ts";
import { AgentPeer } from "./test-support/agent-peer.ts";
import { answerWith, nonceOf } from "./test-support/canned-agent.ts";
import { ExecService, type ExecServiceOptions } from "./test-support/exec-service.ts";
import { channelClosed, split, transcript } from "./test-support/frames.ts";

const WS = WebSocket as unknown as WebSocketConstructor;
const CONTAINER = { cluster: "dbward-test", task: "0123456789abcdef", container: "server" };

let service: ExecService;
afterEach(() => service.close());

type Serve = NonNullable<ExecServiceOptions["session"]>;

async function connect(session: Serve, more: Partial<EcsExecOptions> = {}): Promise<EcsExec> {
  service = await ExecService.start({ session });
  return new EcsExec({ ecs: service.ecs, webSocket: WS, ...more });
}

async function execute(
  session: Serve,
  request: Partial<ExecRequest> = {},
  more: Partial<EcsExecOptions> = {},
) {
  const exec = await connect(session, more);
  return exec.execute({
    ...CONTAINER,
    deadline: Deadline.after(100_000),
    script: "x",
    ...request,
  } as ExecRequest);
}

/** Hands the socket to `act` once the client has opened the channel. */
const afterOpen =
  (act: (socket: WebSocket, commandLine: string, connection: number) => void): Serve =>
  (socket, commandLine, connection) =>
    socket.once("message", () => act(socket, commandLine, connection));

const frame = (payload: Uint8Array, sequenceNumber: number, payloadType = 1) =>
  encodeMessage({ messageType: MESSAGE_TYPE.outputStreamData, sequenceNumber, payloadType, payload });

const OUTPUT = randomBytes(5000);

describe("a lost socket", () => {
  it("leaves the outcome of a command unknown", async () => {
    const lost = execute(
      afterOpen((socket, line) => {
        answerWith(socket, line, OUTPUT, 1000);
        socket.terminate();
      }),
    );
    await expect(lost).rejects.toMatchObject({ code: "channel-lost" });
    expect(service.requests).toEqual(["ExecuteCommand"]);
  });

  it("runs a read-only command again", async () => {
    const session = afterOpen((socket, line, connection) => {
      answerWith(socket, line, OUTPUT, connection < 3 ? 3000 : undefined);
      if (connection < 3) socket.close();
    });
    const { stdout, attempts } = await execute(session, { readOnly: true });
    expect(Buffer.from(stdout).equals(OUTPUT)).toBe(true);
    expect(attempts).toBe(3);
  });

  it("runs a read-only command at most three times", async () => {
    const lost = execute(
      afterOpen((socket) => socket.terminate()),
      { readOnly: true },
    );
    await expect(lost).rejects.toMatchObject({ code: "channel-lost" });
    expect(service.requests).toHaveLength(3);
  });

  it("is resumed if possible: the command isn't run again, and no output is doubled", async () => {
    let peer: AgentPeer | undefined;
    const session = afterOpen((socket, line, connection) => {
      const whole = transcript(nonceOf(line), OUTPUT, 0);
      if (connection === 1) {
        answerWith(socket, line, OUTPUT, 3 * 1024);
        socket.close();
      } else {
        peer = new AgentPeer(() => 0, {
          transmit: (message) => socket.send(message),
          input: () => undefined,
        });
        // The agent sends from its start again: it never got an acknowledgement.
        for (const piece of split(whole, [1024])) peer.send(piece);
      }
    });
    const resumed: string[] = [];
    const ssm = {
      resume: async (sessionId: string) => {
        resumed.push(sessionId);
        return { streamUrl: service.url, tokenValue: "canary-second-token" };
      },
      terminate: () => Promise.reject(new Error("it has ended by itself")),
    };
    const { stdout, attempts } = await execute(session, {}, { ssm });
    expect(Buffer.from(stdout).equals(OUTPUT)).toBe(true);
    expect([attempts, resumed, service.requests]).toEqual([1, ["session-1"], ["ExecuteCommand"]]);
  });

  it("fails when the session can't be resumed, and frees the container's place", async () => {
    const terminated: string[] = [];
    const ssm = {
      resume: async () => undefined,
      terminate: async (sessionId: string) => void terminated.push(sessionId),
    };
    const lost = execute(
      afterOpen((socket) => socket.close()),
      {},
      { ssm },
    );
    await expect(lost).rejects.toMatchObject({ code: "channel-lost" });
    expect(terminated).toEqual(["session-1"]);
  });

  it("fails in the same way when it may not be terminated", async () => {
    const ssm = { resume: async () => undefined, terminate: () => Promise.reject(new Error("AccessDenied")) };
    const lost = execute(
      afterOpen((socket) => socket.close()),
      {},
      { ssm },
    );
    await expect(lost).rejects.toMatchObject({ code: "channel-lost" });
  });
});

describe("a session that ends", () => {
  it("before the output is complete yields no short output", async () => {
    const cut = execute(
      afterOpen((socket, line) => {
        answerWith(socket, line, OUTPUT, 3000);
        socket.send(channelClosed(""));
      }),
    );
    await expect(cut).rejects.toMatchObject({ code: "output-truncated" });
  });

  const REFUSED = "\n----------ERROR-------\n";
  const HANDSHAKE = `${REFUSED}Encountered error while initiating handshake. `;
  it.each([
    [`${REFUSED}Unable to start command: Failed to start pty: no such file\n\n`, "command-not-started"],
    ["Commands cannot be empty for session type InteractiveCommands", "command-not-started"],
    [`${REFUSED}Setting up data channel with id session-1 failed: no route`, "command-not-started"],
    [
      "We couldn't start the session because encryption is not set up on the selected CloudWatch Logs log group.",
      "command-not-started",
    ],
    [
      `${HANDSHAKE}Fetching data key failed: Unable to retrieve data key, Error when decrypting data key AccessDeniedException: no`,
      "session-encryption-failed",
    ],
    [`${HANDSHAKE}Timed out waiting for encryption challenge.`, "session-encryption-failed"],
    [`${HANDSHAKE}Handshake timed out.`, "handshake-failed"],
    // Words that say nothing of the command: it may have run.
    ["", "output-truncated"],
    ["Your session timed out due to inactivity and has been terminated.", "output-truncated"],
    ["echo: Unable to start command", "output-truncated"],
  ])("without any output, with the text %j, ends in %s", async (text, code) => {
    const ended = execute(afterOpen((socket) => socket.send(channelClosed(text))));
    await expect(ended).rejects.toMatchObject({
      code,
      message: expect.stringContaining(
        text
          .split(/: |\. /)
          .at(-1)!
          .trim(),
      ),
    });
  });

  it("leaves it unknown whether the command ran when its agent dies before the first output, or that is lost", async () => {
    const died = execute(afterOpen((socket) => socket.terminate()));
    await expect(died).rejects.toMatchObject({ code: "channel-lost" });
    const lost = execute(
      afterOpen((socket) => {
        socket.send(frame(Buffer.from("later output"), 1));
        socket.send(channelClosed(""));
      }),
    );
    await expect(lost).rejects.toMatchObject({
      code: "output-truncated",
      message: expect.stringContaining("It is unknown whether the command ran, and how it ended."),
    });
  });
});

describe("a stream", () => {
  const stream = async (session: Serve, request: Partial<ExecRequest> = {}) => {
    const exec = await connect(session);
    return exec.stream({
      ...CONTAINER,
      deadline: Deadline.after(100_000),
      script: "x",
      ...request,
    } as ExecRequest);
  };
  const read = async (chunks: AsyncIterable<Uint8Array>, into: Uint8Array[]) => {
    for await (const chunk of chunks) into.push(chunk);
  };

  it("that breaks yields what arrived, and then the error, without running the command again", async () => {
    const broken = await stream(
      afterOpen((socket, line) => {
        answerWith(socket, line, OUTPUT, 3000);
        socket.close();
      }),
      { readOnly: true },
    );
    const chunks: Uint8Array[] = [];
    await expect(read(broken, chunks)).rejects.toMatchObject({ code: "channel-lost" });
    await expect(broken.outcome).rejects.toMatchObject({ code: "channel-lost" });
    const got = Buffer.concat(chunks);
    expect(got.length).toBeGreaterThan(1000);
    expect(got.equals(OUTPUT.subarray(0, got.length))).toBe(true);
    expect(service.requests).toEqual(["ExecuteCommand"]);
  });

  it("that isn't read is bounded", async () => {
    const unread = await stream(afterOpen(flood), { maxOutputBytes: 100_000 });
    await expect(unread.outcome).rejects.toMatchObject({ code: "output-too-large" });
  });

  it("ends its session when the loop is left early", async () => {
    let closed: Promise<void> | undefined;
    const left = await stream(
      afterOpen((socket, line) => {
        closed = new Promise((resolve) => {
          socket.on("close", () => resolve());
        });
        flood(socket, line);
      }),
    );
    for await (const _ of left) break;
    await closed;
    await expect(left.outcome).rejects.toThrow();
  });
});

describe("a raw session", () => {
  const open = async (session: Serve) => {
    const exec = await connect(session);
    return exec.open({ ...CONTAINER, commandLine: "x", deadline: Deadline.after(100_000) });
  };
  const read = async (session: AsyncIterable<Uint8Array>) => {
    for await (const _ of session);
  };

  it.each([
    ["Unable to start command: no such file", "command-not-started"],
    ["idle for too long", "channel-lost"],
  ])("that ends with %j throws %s", async (text, code) => {
    const session = await open(afterOpen((socket) => socket.send(channelClosed(text))));
    await expect(read(session)).rejects.toMatchObject({ code });
    expect((await session.ended).output).toBe(text);
  });

  it.each(["", "idle for too long"])(
    "that is known to be incomplete ends in an error, with the text %j",
    async (text) => {
      const session = await open(
        afterOpen((socket) => {
          socket.send(frame(Buffer.from("one"), 0));
          socket.send(frame(Buffer.from("three"), 2));
          socket.send(channelClosed(text));
        }),
      );
      const chunks: Uint8Array[] = [];
      const all = async () => {
        for await (const chunk of session) chunks.push(chunk);
      };
      await expect(all()).rejects.toMatchObject({ code: "output-truncated" });
      expect(Buffer.concat(chunks).toString()).toBe("one");
    },
  );

  it("yields all output, and the exit code where the session has one", async () => {
    const session = await open(
      afterOpen((socket) => {
        socket.send(frame(Buffer.from("out"), 0, 1));
        socket.send(frame(Buffer.from("err"), 1, 11));
        socket.send(frame(Buffer.from("EXIT_CODE: 4"), 2, 12));
        socket.send(channelClosed(""));
      }),
    );
    const chunks: Uint8Array[] = [];
    for await (const chunk of session) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe("outerr");
    expect(await session.ended).toEqual({ output: "", isIncomplete: false, exitCode: 4 });
  });

  it("ends when it is closed", async () => {
    const session = await open(() => undefined);
    session.close();
    await read(session);
  });
});

describe("deadline and signal", () => {
  const silent: Serve = () => undefined;

  it("end a silent session", async () => {
    const late = execute(silent, { deadline: Deadline.after(50) });
    await expect(late).rejects.toMatchObject({ code: "exec-timeout" });
  });

  it("reject with the caller's own reason", async () => {
    const reason = new Error("changed my mind");
    await expect(execute(silent, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(service.requests).toEqual([]);
  });

  /** A command of which nothing is seen until `sees` it typed on its terminal; then it ends. */
  const until =
    (sees: (typed: readonly number[]) => boolean, output: (line: string) => Buffer | undefined): Serve =>
    (socket, line) => {
      let lost = 2;
      const typed: number[] = [];
      const peer = new AgentPeer(() => performance.now(), {
        transmit: (message) => socket.send(message),
        input: ({ payloadType, payload }) => {
          if (payloadType === 1) typed.push(...payload);
          if (sees(typed)) socket.send(channelClosed(""));
        },
      });
      socket.on("message", (data: Buffer, isBinary) => {
        // The first messages to the agent get lost, and with them ^C.
        if (isBinary && lost-- <= 0) peer.receive(data);
      });
      const first = output(line);
      if (first) peer.send(first);
    };
  const interrupted = until(
    (typed) => typed.at(-1) === 3,
    () => undefined,
  );

  it("interrupt a command without output yet, and report that", async () => {
    await expect(execute(interrupted, { deadline: Deadline.after(2_000) })).rejects.toMatchObject({
      code: "exec-timeout",
      fate: "interrupted",
      message: expect.stringContaining("The command was interrupted, and its session has ended."),
    });
  });

  it("interrupt a command during its output", async () => {
    const amid = until(
      (typed) => typed.at(-1) === 3,
      (line) => transcript(nonceOf(line), OUTPUT, 0).subarray(0, 100),
    );
    await expect(execute(amid, { deadline: Deadline.after(2_000) })).rejects.toMatchObject({
      fate: "interrupted",
    });
  });

  it("report that a command which doesn't end may still run", async () => {
    await expect(execute(silent, { deadline: Deadline.after(50) })).rejects.toMatchObject({
      fate: "unknown",
      message: expect.stringContaining("The command may still run, or start."),
    });
  });

  it("report that a command was not run when ECS was not called", async () => {
    const deadline = Deadline.after(0);
    await deadline.sleep(10);
    await expect(execute(silent, { deadline })).rejects.toMatchObject({ fate: "not-run" });
    expect(service.requests).toEqual([]);
  });

  it("interrupt for the caller's own reason too", async () => {
    const controller = new AbortController();
    let hasEnded = false;
    const session = until(
      (typed) => {
        hasEnded = typed.at(-1) === 3;
        return hasEnded;
      },
      (line) => {
        setTimeout(() => controller.abort(), 50);
        return transcript(nonceOf(line), OUTPUT, 0).subarray(0, 100);
      },
    );
    await expect(execute(session, { signal: controller.signal })).rejects.toThrow();
    expect(hasEnded).toBe(true);
  });

  it("interrupt a raw session", async () => {
    const controller = new AbortController();
    let seen!: () => void;
    const typed = new Promise<void>((resolve) => {
      seen = resolve;
    });
    const exec = await connect(
      until(
        (bytes) => {
          if (bytes.at(-1) === 3) seen();
          return false;
        },
        () => undefined,
      ),
    );
    const deadline = Deadline.after(100_000);
    const { signal } = controller;
    const session = await exec.open({ ...CONTAINER, commandLine: "x", deadline, signal });
    controller.abort();
    for await (const _ of session);
    await typed;
  });
});

describe("the request for a socket", () => {
  it("is signed with the credentials of the ECS client", async () => {
    const signatures: (string | undefined)[] = [];
    service = await ExecService.start({
      admits: ({ headers }) => {
        signatures.push(headers.authorization);
        return true;
      },
      session: afterOpen((socket, line) => answerWith(socket, line, OUTPUT)),
    });
    const exec = new EcsExec({ ecs: service.ecs, webSocket: WS });
    await exec.execute({ ...CONTAINER, script: "x", deadline: Deadline.after(100_000) });
    expect(signatures).toEqual([
      expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/eu-central-1\/ssmmessages\/aws4_request, /,
      ),
    ]);
  });

  it("is sent once without a signature when it was refused", async () => {
    const signed: boolean[] = [];
    service = await ExecService.start({
      admits: ({ headers }) => {
        signed.push(headers.authorization !== undefined);
        return false;
      },
    });
    const exec = new EcsExec({ ecs: service.ecs, webSocket: WS });
    const refused = exec.execute({ ...CONTAINER, script: "x", deadline: Deadline.after(100_000) });
    await expect(refused).rejects.toMatchObject({ code: "channel-lost" });
    expect(signed).toEqual([true, false, true, true, true, true]);
  });
});

describe("a hostile peer", () => {
  it.each<[string, string, Serve]>([
    ["closes at once", "channel-lost", (socket) => socket.terminate()],
    ["sends noise", "channel-lost", afterOpen((socket) => repeat(socket, () => randomBytes(500)))],
    ["sends text", "channel-lost", afterOpen((socket) => repeat(socket, () => "hello"))],
    [
      "sends a message that is too large",
      "channel-lost",
      afterOpen((socket) => socket.send(Buffer.alloc(2 ** 21))),
    ],
    [
      "sends a handshake that isn't JSON",
      "handshake-failed",
      afterOpen((socket) => socket.send(frame(Buffer.from("{"), 0, 5))),
    ],
    [
      "asks for encryption",
      "session-encryption-failed",
      afterOpen((socket) => socket.send(frame(KMS_REQUEST, 0, 5))),
    ],
    ["sends output without an end", "output-too-large", afterOpen((socket, line) => flood(socket, line))],
    [
      "sends a line without an end",
      "exec-timeout",
      afterOpen((socket) => repeatFrames(socket, Buffer.alloc(1024, "x"))),
    ],
    [
      "says the same for ever",
      "exec-timeout",
      afterOpen((socket) => repeat(socket, () => frame(Buffer.from("x"), 0))),
    ],
    [
      "sends from the future only",
      "exec-timeout",
      afterOpen((socket) => repeatFrames(socket, Buffer.alloc(1024), 1)),
    ],
  ])("that %s ends in %s", async (_what, code, session) => {
    const before = process.memoryUsage().rss;
    // Peers that never come to an end by themselves get less time.
    const deadline = Deadline.after(code === "exec-timeout" ? 500 : 100_000);
    const failed = execute(session, { deadline, maxOutputBytes: 2_000_000 });
    await expect(failed).rejects.toMatchObject({ code });
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });

  it("never sees the token in an error", async () => {
    const error = await execute(() => undefined, { deadline: Deadline.after(20) }).catch(
      (thrown: unknown) => thrown,
    );
    expect(describeError(error)).not.toContain("canary-token");
  });

  it("never receives the token over an unencrypted network", async () => {
    service = await ExecService.start({
      ecs: () => ({
        body: { session: { sessionId: "s", streamUrl: "ws://192.0.2.1/x", tokenValue: "canary-token" } },
      }),
    });
    const exec = new EcsExec({ ecs: service.ecs, webSocket: WS });
    const refused = exec.execute({ ...CONTAINER, script: "x", deadline: Deadline.after(100_000) });
    await expect(refused).rejects.toMatchObject({
      code: "channel-lost",
      message: expect.stringContaining("not a secure WebSocket"),
    });
  });
});

describe("an exit code that isn't 0", () => {
  it("is an error with requireSuccess", async () => {
    const failed = execute(
      afterOpen((socket, line) => {
        socket.send(frame(transcript(nonceOf(line), Buffer.from("out"), 9), 0));
      }),
      { requireSuccess: true },
    );
    await expect(failed).rejects.toMatchObject({ code: "command-failed", exitCode: 9 });
  });
});

const KMS_REQUEST = Buffer.from(
  JSON.stringify({
    AgentVersion: "3.3.0.0",
    RequestedClientActions: [{ ActionType: "KMSEncryption", ActionParameters: { KMSKeyId: "key" } }],
  }),
);

/** Sends as fast as the socket takes it. */
function repeat(socket: WebSocket, make: () => Uint8Array | string): void {
  const again = () => socket.readyState === socket.OPEN && socket.send(make(), () => setImmediate(again));
  again();
}

function repeatFrames(socket: WebSocket, payload: Uint8Array, from = 0): void {
  let sequenceNumber = from;
  repeat(socket, () => frame(payload, sequenceNumber++));
}

function flood(socket: WebSocket, commandLine: string): void {
  socket.send(frame(Buffer.from(`@${nonceOf(commandLine)}:begin:base64\r\n`), 0));
  repeatFrames(socket, Buffer.alloc(1024, "A"), 1);
}
