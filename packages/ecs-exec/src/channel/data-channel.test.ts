import { describe, expect, it } from "vitest";
import {
  type AgentMessage,
  decodeAcknowledgement,
  decodeHandshakeResponse,
  decodeMessage,
  decodeOpenDataChannel,
  decodeSize,
  encodeExitCode,
  encodeHandshakeComplete,
  encodeHandshakeRequest,
  encodeMessage,
  MESSAGE_TYPE,
  PAYLOAD_TYPE,
} from "../protocol/index.ts";
import { channelClosed } from "../test-support/frames.ts";
import { DataChannel, type DataChannelOptions } from "./data-channel.ts";
import type { DataKeyRequest } from "./handshake.ts";
import { CLIENT_VERSION } from "./message-channel.ts";
import { SessionCipher } from "./session-cipher.ts";

/** A channel with its clock in the hands of the test, and everything that it does on record. */
class Bench {
  now = 1000;
  canPing = false;
  readonly text: string[] = [];
  readonly sent: AgentMessage[] = [];
  readonly calls: unknown[] = [];
  readonly channel: DataChannel;
  pings = 0;
  #sequenceNumber = 0;

  constructor(options: Partial<DataChannelOptions> = {}) {
    const tell =
      (name: string) =>
      (...more: unknown[]) =>
        this.calls.push([name, ...more]);
    this.channel = new DataChannel({
      now: () => this.now,
      ...options,
      events: {
        transmit: (frame) => {
          if (typeof frame === "string") this.text.push(frame);
          else this.sent.push(decodeMessage(frame));
        },
        acknowledge: (frame) => this.sent.push(decodeMessage(frame)),
        output: (bytes, stream) => this.calls.push([stream, Buffer.from(bytes).toString()]),
        exitCode: tell("exitCode"),
        dataKeyRequested: (request: DataKeyRequest) => this.calls.push(["key", request]),
        closed: tell("closed"),
        failed: (error) => this.calls.push(["failed", error.code]),
        ping: () => {
          if (this.canPing) this.pings++;
          return this.canPing;
        },
      },
    });
    this.channel.connected("canary-token");
  }

  /** The agent sends the next message of its stream, or one with a number of its own. */
  agent(payloadType: number, payload: Uint8Array | string, sequenceNumber = this.#sequenceNumber++): void {
    this.frame({ messageType: MESSAGE_TYPE.outputStreamData, sequenceNumber, payloadType, payload });
  }

  frame(message: {
    messageType: string;
    sequenceNumber?: number;
    payloadType?: number;
    payload?: Uint8Array | string;
  }): void {
    const payload = Buffer.from(message.payload ?? "");
    this.channel.receive(encodeMessage({ sequenceNumber: 0, ...message, payload }));
  }

  /** Acknowledges input. */
  acknowledge(sequenceNumber: number): void {
    const payload = JSON.stringify({ AcknowledgedMessageSequenceNumber: sequenceNumber });
    this.frame({ messageType: MESSAGE_TYPE.acknowledge, payload });
  }

  /** Lets the clock run from one moment at which the channel has something to do to the next. */
  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const next = this.channel.nextTick;
      if (next === undefined || next > end) break;
      this.now = Math.max(this.now, next);
      this.channel.tick();
    }
    this.now = end;
  }

  get acknowledged(): number[] {
    return this.sent
      .filter(({ messageType }) => messageType === MESSAGE_TYPE.acknowledge)
      .map(({ payload }) => decodeAcknowledgement(payload).sequenceNumber);
  }

  get input(): AgentMessage[] {
    return this.sent.filter(({ messageType }) => messageType === MESSAGE_TYPE.inputStreamData);
  }

  get typed(): string[] {
    return this.input
      .filter(({ payloadType }) => payloadType === PAYLOAD_TYPE.output)
      .map(({ payload }) => Buffer.from(payload).toString());
  }
}

const SESSION_TYPE = {
  ActionType: "SessionType",
  ActionParameters: { SessionType: "InteractiveCommands", Properties: null },
};
const handshakeRequest = (...actions: { ActionType: string; ActionParameters: object }[]) =>
  encodeHandshakeRequest({
    AgentVersion: "3.3.0.0",
    RequestedClientActions: actions as never,
  });
const complete = encodeHandshakeComplete({ HandshakeTimeToComplete: 1, CustomerMessage: "" });

describe("opening", () => {
  it("sends the token as text, first of all", () => {
    const { text, sent } = new Bench();
    expect(text).toHaveLength(1);
    expect(decodeOpenDataChannel(text[0]!)).toMatchObject({
      tokenValue: "canary-token",
      clientVersion: CLIENT_VERSION,
    });
    expect(sent).toEqual([]);
  });

  it("keeps its client id on a second connection", () => {
    const bench = new Bench();
    bench.channel.disconnected();
    bench.channel.connected("another");
    const [one, other] = bench.text.map(decodeOpenDataChannel);
    expect(other).toMatchObject({ clientId: one!.clientId, tokenValue: "another" });
    expect(other!.requestId).not.toBe(one!.requestId);
  });

  it("sends size and input after the first output, where there is no handshake", () => {
    const bench = new Bench();
    bench.channel.write(Buffer.from("ls\r"));
    expect(bench.input).toEqual([]);
    bench.agent(PAYLOAD_TYPE.output, "$ ");
    expect(bench.input.map(({ sequenceNumber, payloadType }) => [sequenceNumber, payloadType])).toEqual([
      [0, PAYLOAD_TYPE.size],
      [1, PAYLOAD_TYPE.output],
    ]);
    expect(decodeSize(bench.input[0]!.payload)).toEqual({ cols: 300, rows: 100 });
    expect(bench.calls).toEqual([["stdout", "$ "]]);
  });

  it("sends the terminal's size again when it changes", () => {
    const bench = new Bench({ terminal: { cols: 80, rows: 24 } });
    bench.channel.resize({ cols: 100, rows: 30 });
    bench.agent(PAYLOAD_TYPE.output, "$ ");
    bench.channel.resize({ cols: 120, rows: 40 });
    expect(bench.input.map(({ payload }) => decodeSize(payload).cols)).toEqual([100, 120]);
  });

  it("sends input at once where the session is known to have no handshake", () => {
    const bench = new Bench({ withoutHandshake: true });
    bench.channel.write(Buffer.from("ls\r"));
    expect(bench.typed).toEqual(["ls\r"]);
  });

  it("answers a handshake, and sends input after its end", () => {
    const bench = new Bench();
    bench.channel.write(Buffer.from("ls\r"));
    bench.agent(PAYLOAD_TYPE.handshakeRequest, handshakeRequest(SESSION_TYPE));
    expect(bench.input).toHaveLength(1);
    expect(bench.input[0]).toMatchObject({ sequenceNumber: 0, payloadType: PAYLOAD_TYPE.handshakeResponse });
    expect(decodeHandshakeResponse(bench.input[0]!.payload)).toEqual({
      ClientVersion: CLIENT_VERSION,
      ProcessedClientActions: [{ ActionType: "SessionType", ActionStatus: 1, ActionResult: null, Error: "" }],
      Errors: null,
    });
    bench.agent(PAYLOAD_TYPE.handshakeComplete, complete);
    expect(bench.input.map(({ payloadType }) => payloadType)).toEqual([
      PAYLOAD_TYPE.handshakeResponse,
      PAYLOAD_TYPE.size,
      PAYLOAD_TYPE.output,
    ]);
    expect(bench.acknowledged).toEqual([0, 1]);
  });

  it("delivers output that overtook the end of the handshake in order", () => {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.output, "late", 2);
    bench.agent(PAYLOAD_TYPE.handshakeComplete, complete, 1);
    bench.agent(PAYLOAD_TYPE.handshakeRequest, handshakeRequest(SESSION_TYPE), 0);
    expect(bench.calls).toEqual([["stdout", "late"]]);
  });

  it("answers an unknown action with unsupported", () => {
    const bench = new Bench();
    bench.agent(
      PAYLOAD_TYPE.handshakeRequest,
      handshakeRequest({ ActionType: "Dance", ActionParameters: {} }),
    );
    expect(decodeHandshakeResponse(bench.input[0]!.payload).ProcessedClientActions).toMatchObject([
      { ActionType: "Dance", ActionStatus: 3 },
    ]);
  });

  it("fails when a handshake doesn't end", () => {
    const bench = new Bench();
    bench.canPing = true;
    bench.agent(PAYLOAD_TYPE.handshakeRequest, handshakeRequest(SESSION_TYPE));
    bench.pass(20_000);
    expect(bench.calls).toEqual([["failed", "handshake-failed"]]);
  });

  it.each([
    ["that isn't JSON", "{"],
    ["without a list of actions", '{"RequestedClientActions":5}'],
    ["with an action without a type", '{"RequestedClientActions":[{}]}'],
    ["that names no key", handshakeRequest({ ActionType: "KMSEncryption", ActionParameters: {} })],
  ])("fails on a handshake %s", (_what, payload) => {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.handshakeRequest, payload);
    expect(bench.calls).toEqual([["failed", "handshake-failed"]]);
  });
});

describe("encryption", () => {
  const plaintext = Buffer.from(Array.from({ length: 64 }, (_, byte) => byte));
  /** The agent's view of the same key: its halves change places. */
  const agentCipher = new SessionCipher(Buffer.concat([plaintext.subarray(32), plaintext.subarray(0, 32)]));
  const key = { plaintext, ciphertext: Buffer.from("wrapped") };
  const request = handshakeRequest(SESSION_TYPE, {
    ActionType: "KMSEncryption",
    ActionParameters: { KMSKeyId: "arn:key", Challenge: "Y2hhbGxlbmdl" },
  });

  function encrypted(): Bench {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.handshakeRequest, request);
    bench.channel.encrypt(key);
    const challenge = Buffer.alloc(64, "c");
    const payload = JSON.stringify({ Challenge: agentCipher.encrypt(challenge).toString("base64") });
    bench.agent(PAYLOAD_TYPE.encryptionChallengeRequest, payload);
    const answer = JSON.parse(Buffer.from(bench.input[1]!.payload).toString()) as { Challenge: string };
    expect(agentCipher.decrypt(Buffer.from(answer.Challenge, "base64"))).toEqual(challenge);
    bench.agent(PAYLOAD_TYPE.handshakeComplete, complete);
    return bench;
  }

  it("asks for the data key, and sends the agent its encrypted form", () => {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.handshakeRequest, request);
    expect(bench.calls).toEqual([["key", { keyId: "arn:key", challenge: "Y2hhbGxlbmdl" }]]);
    expect(bench.input).toEqual([]);
    bench.channel.encrypt(key);
    expect(decodeHandshakeResponse(bench.input[0]!.payload).ProcessedClientActions[1]).toEqual({
      ActionType: "KMSEncryption",
      ActionStatus: 1,
      ActionResult: {
        KMSCipherTextKey: Buffer.from("wrapped").toString("base64"),
        KMSCipherTextHash: null,
        ChallengeAcknowledgement: true,
      },
      Error: "",
    });
  });

  it("decrypts output, and encrypts input but not the terminal's size", () => {
    const bench = encrypted();
    bench.agent(PAYLOAD_TYPE.output, agentCipher.encrypt(Buffer.from("secret")));
    bench.agent(PAYLOAD_TYPE.stdErr, agentCipher.encrypt(Buffer.from("error")));
    bench.agent(PAYLOAD_TYPE.exitCode, agentCipher.encrypt(encodeExitCode(3)));
    expect(bench.calls.slice(1)).toEqual([
      ["stdout", "secret"],
      ["stderr", "error"],
      ["exitCode", 3],
    ]);
    bench.channel.write(Buffer.from("typed"));
    const [size, typed] = bench.input.slice(-2);
    expect(decodeSize(size!.payload)).toEqual({ cols: 300, rows: 100 });
    expect(agentCipher.decrypt(typed!.payload).toString()).toBe("typed");
  });

  it("sends an encrypted message again unchanged", () => {
    const bench = encrypted();
    bench.channel.write(Buffer.from("typed"));
    for (let sequenceNumber = 0; sequenceNumber < 3; sequenceNumber++) bench.acknowledge(sequenceNumber);
    const before = bench.input.at(-1)!;
    bench.pass(300);
    expect(bench.input.filter(({ messageId }) => messageId === before.messageId)).toEqual([before, before]);
  });

  it("refuses unencrypted messages after that", () => {
    const bench = encrypted();
    bench.agent(PAYLOAD_TYPE.output, "plain text that somebody else has put in");
    expect(bench.calls.at(-1)).toEqual(["failed", "channel-lost"]);
  });

  it("refuses output before the key", () => {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.handshakeRequest, request);
    bench.agent(PAYLOAD_TYPE.handshakeComplete, complete);
    expect(bench.calls.at(-1)).toEqual(["failed", "handshake-failed"]);
  });

  it("fails without a key", () => {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.handshakeRequest, request);
    bench.channel.refuseEncryption(new Error("AccessDenied"));
    expect(bench.calls.at(-1)).toEqual(["failed", "session-encryption-failed"]);
  });

  it("refuses a key of another length", () => {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.handshakeRequest, request);
    bench.channel.encrypt({ ...key, plaintext: plaintext.subarray(1) });
    expect(bench.calls.at(-1)).toEqual(["failed", "session-encryption-failed"]);
  });
});

describe("acknowledging", () => {
  it("acknowledges early messages and duplicates too", () => {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.output, "b", 1);
    bench.agent(PAYLOAD_TYPE.output, "b", 1);
    bench.agent(PAYLOAD_TYPE.output, "a", 0);
    bench.agent(PAYLOAD_TYPE.output, "a", 0);
    expect(bench.acknowledged).toEqual([1, 1, 0, 0]);
    expect(bench.calls).toEqual([
      ["stdout", "a"],
      ["stdout", "b"],
    ]);
  });

  it("doesn't acknowledge what it has no room for", () => {
    const bench = new Bench({ reorderLimits: { messages: 2, bytes: 100 } });
    bench.agent(PAYLOAD_TYPE.output, "x", 3);
    bench.agent(PAYLOAD_TYPE.output, "x", 2);
    expect(bench.acknowledged).toEqual([2]);
  });

  it("ignores messages of an unknown type", () => {
    const bench = new Bench();
    bench.frame({ messageType: "weather_report", payload: "rain" });
    expect([bench.sent, bench.calls]).toEqual([[], []]);
  });

  it("acknowledges payloads that it doesn't use", () => {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.flag, Buffer.alloc(4));
    bench.agent(99, "new");
    expect([bench.acknowledged, bench.calls]).toEqual([[0, 1], []]);
  });
});

describe("sending again", () => {
  const open = () => {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.output, "$ ");
    bench.acknowledge(0);
    bench.sent.length = 0;
    return bench;
  };

  it("sends only the oldest message again until it is acknowledged, at most a second apart", () => {
    const bench = open();
    bench.canPing = true;
    bench.channel.write(Buffer.from("a"));
    bench.channel.write(Buffer.from("b"));
    bench.pass(10_000);
    expect(bench.typed.filter((text) => text === "b")).toHaveLength(1);
    expect(bench.typed.filter((text) => text === "a").length).toBeGreaterThanOrEqual(10);
    bench.acknowledge(1);
    bench.sent.length = 0;
    bench.pass(1000);
    expect(new Set(bench.typed)).toEqual(new Set(["b"]));
    bench.acknowledge(2);
    expect(bench.channel.isInputDelivered).toBe(true);
  });

  it("has at most 32 messages in transit", () => {
    const bench = open();
    bench.channel.write(Buffer.alloc(100 * 1024));
    expect(bench.input).toHaveLength(32);
    bench.acknowledge(1);
    expect(bench.input).toHaveLength(33);
  });

  it("sends everything that isn't acknowledged on a new connection", () => {
    const bench = open();
    bench.channel.write(Buffer.from("a"));
    bench.channel.disconnected();
    bench.channel.write(Buffer.from("b"));
    bench.sent.length = 0;
    bench.channel.connected("another");
    expect(bench.typed).toEqual(["a", "b"]);
  });

  it("copies what is written", () => {
    const bench = new Bench();
    const bytes = Buffer.from("a");
    bench.channel.write(bytes);
    bytes.write("b");
    bench.agent(PAYLOAD_TYPE.output, "$ ");
    expect(bench.typed).toEqual(["a"]);
  });

  it("delays input while publication is paused, but not acknowledgements", () => {
    const bench = open();
    bench.frame({ messageType: MESSAGE_TYPE.pausePublication });
    bench.channel.write(Buffer.from("a"));
    bench.pass(10_000);
    expect(bench.typed).toEqual([]);
    bench.frame({ messageType: MESSAGE_TYPE.startPublication });
    expect(bench.typed).toEqual(["a"]);
  });

  it("treats any message of the agent as the end of a pause", () => {
    const bench = open();
    bench.frame({ messageType: MESSAGE_TYPE.pausePublication });
    bench.channel.write(Buffer.from("a"));
    bench.agent(PAYLOAD_TYPE.output, "more", 1);
    expect(bench.typed).toEqual(["a"]);
  });
});

describe("cancelling", () => {
  it("sends ^C before the session is known to take input, discarding earlier input, until it has arrived", () => {
    const bench = new Bench();
    bench.canPing = true;
    bench.channel.write(Buffer.from("a long input"));
    bench.channel.cancel();
    expect(bench.typed).toEqual(["\u0003"]);
    bench.acknowledge(0);
    bench.pass(1000);
    expect(bench.typed.length).toBeGreaterThan(1);
    bench.acknowledge(1);
    expect(bench.channel.isInputDelivered).toBe(true);
  });

  it("sends ^C although 32 messages are in transit", () => {
    const bench = new Bench({ withoutHandshake: true });
    bench.channel.write(Buffer.alloc(100 * 1024, "a"));
    bench.channel.cancel();
    expect(bench.typed.at(-1)).toBe("\u0003");
  });

  it("doesn't answer a handshake any more, so the agent starts nothing", () => {
    const bench = new Bench();
    bench.channel.cancel();
    bench.agent(PAYLOAD_TYPE.handshakeRequest, handshakeRequest(SESSION_TYPE));
    expect(bench.input.map(({ payloadType }) => payloadType)).not.toContain(PAYLOAD_TYPE.handshakeResponse);
  });

  it("sends ^C after a handshake that has been answered", () => {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.handshakeRequest, handshakeRequest(SESSION_TYPE));
    bench.channel.cancel();
    expect(bench.typed).toEqual([]);
    bench.agent(PAYLOAD_TYPE.handshakeComplete, complete);
    expect(bench.typed).toEqual(["\u0003"]);
  });
});

describe("a silent connection", () => {
  it("is probed by pings, and counts as alive while they are answered", () => {
    const bench = new Bench();
    bench.canPing = true;
    for (let round = 0; round < 20; round++) {
      bench.pass(16_000);
      bench.channel.heard();
    }
    expect(bench.pings).toBe(20);
    expect(bench.calls).toEqual([]);
  });

  it("is probed by a message that must be acknowledged, where there are no pings", () => {
    const bench = new Bench();
    bench.pass(15_000);
    expect(bench.input.map(({ payloadType }) => payloadType)).toEqual([PAYLOAD_TYPE.size]);
    bench.acknowledge(0);
    bench.pass(44_000);
    expect(bench.calls).toEqual([]);
  });

  it.each([true, false])("is dead when nothing arrives; pings: %s", (canPing) => {
    const bench = new Bench();
    bench.canPing = canPing;
    bench.pass(45_000);
    expect(bench.calls).toEqual([["failed", "channel-lost"]]);
    expect(bench.channel.nextTick).toBeUndefined();
  });

  it("doesn't count as dead while publication is paused and it can't be probed", () => {
    const bench = new Bench();
    bench.frame({ messageType: MESSAGE_TYPE.pausePublication });
    bench.pass(600_000);
    expect(bench.calls).toEqual([]);
  });
});

describe("the end", () => {
  it("is reported with the agent's text", () => {
    const bench = new Bench();
    bench.channel.receive(channelClosed("no such file"));
    expect(bench.calls).toEqual([["closed", "no such file", false]]);
  });

  it("is incomplete when a message before it is missing", () => {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.output, "b", 1);
    bench.channel.receive(channelClosed(""));
    expect(bench.calls).toEqual([["closed", "", true]]);
  });

  it("is final: no event and no message follows", () => {
    const bench = new Bench();
    bench.channel.receive(channelClosed(""));
    bench.agent(PAYLOAD_TYPE.output, "more");
    bench.channel.receive(channelClosed("again"));
    expect(bench.calls).toHaveLength(1);
    expect(bench.channel.nextTick).toBeUndefined();
  });
});

describe("a hostile peer", () => {
  it.each<[string, Uint8Array | string]>([
    ["text", "hello"],
    ["nothing", new Uint8Array()],
    ["noise", Buffer.alloc(500, 0xff)],
  ])("that sends %s makes the session fail after some time", (_what, frame) => {
    const bench = new Bench();
    for (let count = 0; count < 100; count++) bench.channel.receive(frame);
    expect([bench.calls, bench.sent]).toEqual([[], []]);
    bench.channel.receive(frame);
    expect(bench.calls).toEqual([["failed", "channel-lost"]]);
  });

  it("can't acknowledge what was never sent", () => {
    const bench = new Bench();
    bench.acknowledge(0);
    bench.acknowledge(Number.MAX_SAFE_INTEGER);
    expect(bench.calls).toEqual([]);
  });

  it("can't begin a second handshake", () => {
    const bench = new Bench();
    bench.agent(PAYLOAD_TYPE.output, "$ ");
    bench.sent.length = 0;
    bench.agent(PAYLOAD_TYPE.handshakeRequest, handshakeRequest(SESSION_TYPE));
    expect(bench.input).toEqual([]);
  });
});
