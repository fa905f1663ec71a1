import { getServers } from "node:dns";
import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import {
  type AgentMessage,
  decodeSessionFlag,
  encodeSessionFlag,
  MalformedFrame,
  PAYLOAD_TYPE,
  SESSION_FLAG,
  STREAM_PAYLOAD_SIZE,
} from "@dbward-aws/ecs-exec/protocol";
import { type AgentBehaviour, AgentSession, Refusal, read, sleep } from "./agent-session.ts";
import { MuxServer } from "./mux-server.ts";

/** A port that clients are to reach. */
export interface PortTarget {
  readonly port: number;
  /** Looked up once, at the start of the session. @default - the container itself */
  readonly host?: string;
  /** Addresses of the container, in those of this machine. */
  readonly view: { translate(text: string): string };
}

/** What a {@link PortSession} leads to. */
export interface PortSessionOptions extends AgentBehaviour, PortTarget {
  readonly sessionId: string;
  /** The client's connection is to be read no further, or it may be again. */
  readonly onBlocked: (isBlocked: boolean) => void;
  /** See `MuxServerEvents`. */
  readonly onViolation: (what: string) => void;
}

/** Hosts that the agent doesn't forward to: metadata, DNS and time of the instance. */
const FORBIDDEN = new Set([
  "169.254.169.254",
  "169.254.169.253",
  "169.254.169.123",
  "169.254.169.250",
  "169.254.169.251",
  "fd00:ec2::254",
  "fd00:ec2::253",
  "fd00:ec2::123",
  "fd00:ec2::240",
]);
/**
 * The last client that is kept alive by messages of the agent, how often, and after how long without anything
 * of it the session ends.
 */
const LAST_WITH_KEEP_ALIVE = [1, 2, 331, 0];
const KEEP_ALIVE_MS = 10_000;
const SILENCE_MS = 30_000;

/** The agent's end of one port session, in its multiplexed mode. */
export class PortSession extends AgentSession {
  protected readonly handshake: { readonly type: string; readonly properties: unknown };
  readonly #options: PortSessionOptions;
  readonly #mux: MuxServer;
  #addresses: readonly { readonly host: string; readonly port: number }[] | undefined;
  #isReady = false;
  #isTerminated = false;
  /**
   * A client broke the protocol while no connection was open: the agent goes on, acknowledges everything, and
   * forwards nothing.
   */
  #isDeaf = false;
  #wake: () => void = () => undefined;
  #failure: Error | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #heardAt = 0;

  constructor(options: PortSessionOptions, onClosed: (closed: Buffer) => void) {
    super(options.sessionId, options, onClosed);
    this.#options = options;
    const { port, host, onBlocked, onViolation } = options;
    this.handshake = {
      type: "Port",
      properties: {
        portNumber: String(port),
        localPortNumber: "0",
        type: "LocalPortForwarding",
        ...(host === undefined ? {} : { host }),
      },
    };
    this.#mux = new MuxServer({
      dial: () => this.#dial(),
      refused: () => this.send(PAYLOAD_TYPE.flag, encodeSessionFlag(SESSION_FLAG.connectToPortError)),
      output: () => this.#wake(),
      blocked: onBlocked,
      violated: onViolation,
    });
  }

  protected override get isReady(): boolean {
    return this.#isReady;
  }

  protected override async perform(): Promise<void> {
    const { notReadyMs = 0, outputPauseMs = 1 } = this.#options;
    this.#addresses = await this.#lookUp();
    await sleep(notReadyMs);
    this.#isReady = true;
    this.#keepAliveIfOld();
    while (!this.#isTerminated && !this.over) {
      if (this.#failure) throw new Refusal("");
      await this.listener();
      const payload = this.#mux.take(STREAM_PAYLOAD_SIZE);
      if (payload) {
        this.send(PAYLOAD_TYPE.output, payload);
        await sleep(outputPauseMs);
      } else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
    this.#mux.close();
  }

  protected override take({ payloadType, payload }: AgentMessage): void {
    this.#heardAt = performance.now();
    if (payloadType === PAYLOAD_TYPE.output && !this.#isDeaf) this.#receive(payload);
    else if (
      payloadType === PAYLOAD_TYPE.flag &&
      read(payload, decodeSessionFlag) === SESSION_FLAG.terminateSession
    ) {
      this.#isTerminated = true;
      this.#wake();
    }
  }

  protected override stop(): void {
    clearInterval(this.#keepAlive);
    this.#isTerminated = true;
    this.#wake();
    this.#mux.close();
  }

  #receive(payload: Uint8Array): void {
    try {
      this.#mux.receive(payload);
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      this.#options.onViolation(error.message);
      this.#isDeaf = true;
      if (this.#mux.size > 0) this.#failure = error;
      this.#wake();
    }
  }

  /** @throws Refusal with the agent's text */
  async #lookUp(): Promise<{ host: string; port: number }[]> {
    const { host, port, view } = this.#options;
    const written = host !== undefined && isIP(host) === 6 ? `[${host}]` : (host ?? "localhost");
    const [, name = "", number = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(view.translate(`${written}:${port}`)) ?? [];
    if (FORBIDDEN.has(name)) throw new Refusal(`Forwarding to IP address ${name} is forbidden.`);
    const found = await lookup(name, { all: true }).catch(() => {
      throw new Refusal(`lookup ${name} on ${getServers()[0] ?? "127.0.0.1"}:53: no such host`);
    });
    const forbidden = found.find(({ address }) => FORBIDDEN.has(address));
    if (forbidden) throw new Refusal(`Forwarding to IP address ${forbidden.address} is forbidden.`);
    return found.map(({ address }) => ({ host: address, port: Number(number) }));
  }

  /** In the order of the addresses; the first that answers. */
  async #dial(): Promise<Socket> {
    await sleep(this.#options.dialDelayMs ?? 0);
    for (const address of this.#addresses ?? []) {
      const socket = await new Promise<Socket | undefined>((resolve) => {
        const dialed = connect({ ...address, allowHalfOpen: true, noDelay: true }, () => resolve(dialed));
        dialed.once("error", () => resolve(undefined));
      });
      if (socket) return socket;
    }
    throw new Error("no address answers");
  }

  #keepAliveIfOld(): void {
    const version = this.clientVersion.split(".").map(Number);
    const difference =
      LAST_WITH_KEEP_ALIVE.map((part, index) => (version[index] ?? 0) - part).find(Boolean) ?? 0;
    if (difference > 0) return;
    this.#heardAt = performance.now();
    this.#keepAlive = setInterval(() => {
      if (performance.now() - this.#heardAt >= SILENCE_MS) {
        this.#failure = new Error("silence");
        this.#wake();
      } else this.#mux.keepAlive();
    }, KEEP_ALIVE_MS);
  }
}
