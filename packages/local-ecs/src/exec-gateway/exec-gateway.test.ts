import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import {
  ACTION_STATUS,
  encodeHandshakeResponse,
  encodeSize,
  MESSAGE_TYPE,
  PAYLOAD_TYPE,
} from "@dbward-aws/ecs-exec/protocol";
import { afterEach, describe, expect, it } from "vitest";
import type { CommandView } from "./command-session.ts";
import { ExecGateway, type ExecGatewayOptions } from "./exec-gateway.ts";
import { RawClient, type RawClientOptions } from "./test-support/raw-client.ts";

const VIEW: CommandView = {
  environment: { PATH: "/usr/bin:/bin", GREETING: "hello" },
  directory: tmpdir(),
  translate: (text) => text.replaceAll("/container", "/proc"),
};
const QUICK = { firstOutputDelayMs: 0, outputPauseMs: 0 };

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function startGateway(options: Partial<ExecGatewayOptions> = QUICK): Promise<ExecGateway> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const gateway = new ExecGateway({ url, ...options });
  server.on("upgrade", (request, socket, head) => gateway.handleUpgrade(request, socket, head));
  open.push(() => {
    gateway.close();
    server.closeAllConnections();
    server.close();
  });
  return gateway;
}

function start(gateway: ExecGateway, command: string) {
  return gateway.start({ container: "server", command, view: VIEW });
}

async function run(gateway: ExecGateway, command: string, options?: RawClientOptions): Promise<RawClient> {
  const client = new RawClient(start(gateway, command), options);
  await client.ended;
  return client;
}

describe("a session", () => {
  it("runs the command on a pty: line ends are rewritten, and the end comes as channel_closed", async () => {
    const client = await run(await startGateway(), "sh -c 'echo one; echo two >&2; test -t 1 && exit 3'");
    expect([client.output, client.closed]).toEqual(["one\r\ntwo\r\n", ""]);
  });

  it("has no shell around the command", async () => {
    const client = await run(await startGateway(), "echo $GREETING; ls | wc");
    expect(client.output).toBe("$GREETING; ls | wc\r\n");
  });

  it("runs the command with the container's environment and paths", async () => {
    const client = await run(await startGateway(), "sh -c 'echo $GREETING $TERM; cat /container/self/comm'");
    expect(client.output).toBe("hello xterm-256color\r\ncat\r\n");
  });

  it("has no handshake: the first message is output with sequence number 0 and the flag SYN", async () => {
    const [first] = (await run(await startGateway(), "echo x")).messages;
    expect(first).toMatchObject({ payloadType: PAYLOAD_TYPE.output, sequenceNumber: 0, flags: 1 });
  });

  it("forces the terminal's type, and sets no size until the client sends one", async () => {
    const view = { ...VIEW, environment: { ...VIEW.environment, TERM: "dumb", LANG: "" } };
    const gateway = await startGateway();
    const command = "sh -c 'echo $TERM $LANG; stty size'";
    const client = new RawClient(gateway.start({ container: "server", command, view }));
    await client.ended;
    expect(client.output).toBe("xterm-256color C.UTF-8\r\n0 0\r\n");
  });

  it("takes input whose digest is wrong", async () => {
    const session = start(
      await startGateway({ ...QUICK, faults: { direction: "toAgent", damage: 1 } }),
      "cat",
    );
    const client = new RawClient(session);
    await client.opened;
    for (let count = 0; count < 20; count++) client.send("a");
    await client.seen((output) => output.length >= 10);
    expect(client.output).not.toMatch(/^a*$/);
  });

  it("sends messages of up to 1027 bytes where a read would cut a character", async () => {
    const client = await run(await startGateway(), `sh -c 'yes aä€😀 | head -c 60000 | tr -d \\\\n'`);
    const sizes = client.messages.map(({ payload }) => payload.length);
    expect(Math.max(...sizes)).toBeGreaterThan(1024);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1027);
    expect(Buffer.from(client.output, "latin1").toString()).toMatch(/^(?:aä€😀)+a?/);
  });

  it("sends messages of at most 1024 bytes otherwise, and all of them", async () => {
    const client = await run(await startGateway(), "head -c 100000 /dev/zero");
    expect(client.output).toHaveLength(100_000);
    expect(Math.max(...client.messages.map(({ payload }) => payload.length))).toBeLessThanOrEqual(1024);
  });

  it("loses the last bytes of binary output, as the agent does", async () => {
    const client = await run(await startGateway(), "printf 'abc\\377\\376\\375'");
    expect(client.output).toBe("abc");
  });

  it("hands input to the command, with echo, and end of file as ^D", async () => {
    const session = start(await startGateway(), "cat");
    const client = new RawClient(session);
    await client.opened;
    client.send("hi\r");
    await client.seen((output) => output === "hi\r\nhi\r\n");
    client.send("\x04");
    await client.ended;
    expect(client.closed).toBe("");
  });

  it("takes the size of the terminal", async () => {
    const session = start(await startGateway(), "sh -c 'read x; stty size'");
    const client = new RawClient(session);
    await client.opened;
    client.send(encodeSize({ cols: 132, rows: 43 }), PAYLOAD_TYPE.size);
    client.send("\r");
    await client.ended;
    expect(client.output).toContain("43 132");
  });

  it("waits before the first output by default", async () => {
    const gateway = await startGateway({ firstOutputDelayMs: 50, outputPauseMs: 0 });
    const startedAt = performance.now();
    await run(gateway, "echo x");
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(49);
  });

  it.each([
    ["/no/such", "fork/exec /no/such: no such file or directory"],
    ["no-such-program", 'exec: "no-such-program": executable file not found in $PATH'],
    ["sh -c 'oops", "EOF found when expecting closing quote"],
  ])("says in channel_closed why %s can't be started", async (command, reason) => {
    const client = await run(await startGateway(), command);
    expect([client.output, client.closed]).toEqual(["", expect.stringContaining(reason)]);
  });

  it("reports after two seconds that a command can't be started, and accepts no input meanwhile", async () => {
    const startedAt = performance.now();
    const acknowledged: number[] = [];
    const client = new RawClient(start(await startGateway(), "/no/such"), {
      onMessage: ({ messageType, sequenceNumber }) => {
        if (messageType === MESSAGE_TYPE.acknowledge) acknowledged.push(sequenceNumber);
      },
    });
    await client.opened;
    client.send("x");
    await client.ended;
    expect(performance.now() - startedAt).toBeGreaterThan(1_990);
    expect(client.closed).toBe(
      "\n----------ERROR-------\nUnable to start command: Failed to start pty: fork/exec /no/such: no such file or directory\n\n",
    );
    expect(acknowledged).toEqual([]);
  });

  it.each([
    ["   ", "Commands cannot be empty for session type InteractiveCommands"],
    ["# nothing", ""],
  ])("refuses the command line %j at once", async (command, closed) => {
    const client = await run(await startGateway(), command);
    expect([client.output, client.closed]).toEqual(["", closed]);
  });

  it("waits twice two seconds for the acknowledgement of its last messages", async () => {
    const startedAt = performance.now();
    await run(await startGateway(), "echo x", { acknowledges: () => false });
    expect(performance.now() - startedAt).toBeGreaterThan(3_990);
  });

  it("keeps everything that a slow reader has not taken when the command ends", async () => {
    const client = await run(
      await startGateway({ firstOutputDelayMs: 300, outputPauseMs: 0 }),
      "head -c 300000 /dev/zero",
    );
    expect(client.output).toHaveLength(300_000);
  });
});

describe("a third session in a container", () => {
  it("begins when one of the two before it has ended", async () => {
    const gateway = await startGateway();
    const holders = [1, 2].map(() => new RawClient(start(gateway, "cat")));
    await Promise.all(holders.map(({ opened }) => opened));
    const third = new RawClient(start(gateway, "echo third"));
    const other = gateway.start({ container: "another", command: "echo other", view: VIEW });
    await new RawClient(other).ended;
    await third.opened;
    expect(third.messages).toEqual([]);
    holders[0]!.send("\x04");
    await third.ended;
    expect([third.output, third.closed]).toEqual(["third\r\n", ""]);
  });

  it("doesn't begin when the container ends", async () => {
    const gateway = await startGateway();
    const clients = ["cat", "cat", "echo third"].map((command) => new RawClient(start(gateway, command)));
    await Promise.all(clients.map(({ opened }) => opened));
    gateway.endContainer("server");
    await Promise.all(clients.map(({ ended }) => ended));
    expect(clients[2]!.output).toBe("");
  });
});

describe("a handshake", () => {
  const handshake = { ...QUICK, handshake: true };

  it("comes before the command, when asked for", async () => {
    const client = await run(await startGateway(handshake), "echo x", {
      onMessage: ({ payloadType }, it) => {
        if (payloadType === PAYLOAD_TYPE.handshakeRequest) answer(it, ACTION_STATUS.success);
      },
    });
    expect(client.messages.map(({ payloadType }) => payloadType)).toEqual([5, 0, 7, 1, 0]);
    expect(client.output).toBe("x\r\n");
  });

  it("ends the session when the client refuses", async () => {
    const client = await run(await startGateway(handshake), "echo x", {
      onMessage: ({ payloadType }, it) => {
        if (payloadType === PAYLOAD_TYPE.handshakeRequest) answer(it, ACTION_STATUS.unsupported);
      },
    });
    expect([client.output, client.closed]).toEqual(["", expect.stringContaining("initiating handshake")]);
  });

  function answer(client: RawClient, ActionStatus: number): void {
    const action = { ActionType: "SessionType", ActionStatus, ActionResult: null, Error: "" };
    const response = { ClientVersion: "1.2.650.0", ProcessedClientActions: [action], Errors: null };
    client.send(encodeHandshakeResponse(response), PAYLOAD_TYPE.handshakeResponse);
  }
});

describe("resending", () => {
  it("sends the oldest message again until it is acknowledged", async () => {
    const client = await run(await startGateway(), "echo x", {
      acknowledges: (_message, seen) => seen === 3,
    });
    expect(client.messages.filter(({ payloadType }) => payloadType === PAYLOAD_TYPE.output)).toHaveLength(3);
    expect(client.closed).toBe("");
  });
});

describe("connections", () => {
  it("refuses a token that was used, and one that was never issued", async () => {
    const gateway = await startGateway();
    const session = start(gateway, "cat");
    const stranger = new RawClient({ ...session, tokenValue: "x" });
    await stranger.ended;
    const client = new RawClient(session);
    await client.opened;
    client.send("\r");
    await client.seen((output) => output !== "");
    const again = new RawClient(session);
    await again.ended;
    expect([stranger.messages, again.messages]).toEqual([[], []]);
  });

  it("goes on after a lost connection when the session is resumed", async () => {
    const gateway = await startGateway();
    const session = start(gateway, "sh -c 'echo one; read x; echo two'");
    const lost = new RawClient(session);
    await lost.seen((output) => output !== "");
    lost.cut();
    await lost.ended;
    const resumed = new RawClient(gateway.resume(session.sessionId)!);
    await resumed.opened;
    resumed.send("\r");
    await resumed.ended;
    expect(resumed.output).toContain("two");
    expect(resumed.messages.find(({ payloadType }) => payloadType === 1)?.sequenceNumber).toBeGreaterThan(0);
    expect(gateway.resume(session.sessionId)).toBeUndefined();
  });

  it("ends the command with its container", async () => {
    const gateway = await startGateway();
    const client = new RawClient(start(gateway, "sh -c 'echo up; sleep 600'"));
    await client.seen((output) => output !== "");
    gateway.endContainer("server");
    await client.ended;
    expect(client.closed).toBe("");
  });
});

describe("faults on demand", () => {
  const text = "sh -c 'i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done'";
  const expected = Array.from({ length: 200 }, (_, index) => `line ${index}\r\n`).join("");

  it.each([
    ["double", { double: 0.5 }],
    ["delay", { delay: 0.5, delayMs: 20 }],
    ["reorder", { reorder: 0.5 }],
    ["split", { split: 7 }],
    ["drop", { drop: 0.1, seed: 3 }],
  ])("%s leaves the output whole for a client that keeps to the protocol", async (_name, faults) => {
    const client = await run(await startGateway({ ...QUICK, faults }), text);
    expect([client.output, client.closed]).toEqual([expected, ""]);
  });

  it("cut the connection without a farewell", async () => {
    const client = await run(await startGateway({ ...QUICK, faults: { closeAfter: 2 } }), text);
    expect(client.closed).toBeUndefined();
  });

  it("affect as many sessions as configured", async () => {
    const gateway = await startGateway({ ...QUICK, faults: { closeAfter: 1, sessions: 1 } });
    await run(gateway, text);
    expect((await run(gateway, text)).output).toBe(expected);
  });
});
