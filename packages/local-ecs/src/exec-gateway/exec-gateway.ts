import { randomBytes, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { decodeOpenDataChannel } from "@dbward-aws/ecs-exec/protocol";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { AgentBehaviour, AgentSession } from "./agent-session.ts";
import { CommandSession, type CommandView } from "./command-session.ts";
import { type ExecFaults, FaultyLine, seededRandom } from "./faults.ts";
import { PortSession, type PortTarget } from "./port-session.ts";
import { SplitSocket } from "./split-socket.ts";

/** What `ExecuteCommand` and `StartSession` answer with. The token is a credential: never to be logged. */
export interface ExecSession {
  readonly sessionId: string;
  readonly streamUrl: string;
  readonly tokenValue: string;
}

/** A command that is to run in a container. */
export interface ExecCommand {
  /** The container that it runs in: its end ends the command. */
  readonly container: string;
  /** Command line, as `ExecuteCommand` got it. */
  readonly command: string;
  readonly view: CommandView;
}

/** A port that is to be reached through a container. */
export interface PortForward extends PortTarget {
  /** The container whose agent leads there: its end ends the session. */
  readonly container: string;
  /** Name of who starts the session: its id begins with it. */
  readonly owner: string;
}

export interface ExecGatewayOptions extends AgentBehaviour {
  /** Where clients reach {@link ExecGateway.handleUpgrade}, such as `ws://127.0.0.1:4000`. */
  readonly url: string;
  readonly faults?: ExecFaults;
  /** Milliseconds without a client after which a session ends. @default 20 minutes, as ECS has it */
  readonly idleTimeoutMs?: number;
  /** Called when a client violates the protocol of a port session. @default - ignored */
  readonly onViolation?: (what: string) => void;
}

/** Sessions that the agent of a container runs at the same time: SessionWorkersLimit, as ECS sets it. */
const SESSIONS_A_CONTAINER = 2;

/**
 * Stands where the Session Manager service and its agent stand for ECS Exec and for ports: starts sessions,
 * and lets clients in over WebSocket.
 *
 * A container's agent runs two sessions at a time. More are accepted, as by ECS, and their clients connect;
 * the agent begins with them when one of the earlier ones has ended.
 */
export class ExecGateway {
  readonly #options: ExecGatewayOptions;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: LARGEST_MESSAGE });
  readonly #sessions = new Map<string, Session>();
  #faults: ExecFaults;
  #faultySessions: number;

  constructor(options: ExecGatewayOptions) {
    this.#options = options;
    this.#faults = options.faults ?? {};
    this.#faultySessions = this.#faults.sessions ?? Number.POSITIVE_INFINITY;
  }

  /** The faults of sessions to come. */
  get faults(): ExecFaults {
    return this.#faults;
  }

  set faults(faults: ExecFaults) {
    this.#faults = faults;
    this.#faultySessions = faults.sessions ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Starts a command, as soon as its container runs fewer than two. It runs whether or not a client connects;
   * its output is read only once one does.
   */
  start(command: ExecCommand): ExecSession {
    return this.#start("ecs-execute-command", command.container, (sessionId, _onBlocked, onClosed) => {
      return new CommandSession({ ...this.#options, ...command, sessionId }, onClosed);
    });
  }

  /** Starts a port session, as {@link start} does a command. */
  startPort(forward: PortForward): ExecSession {
    const { onViolation = () => undefined } = this.#options;
    return this.#start(forward.owner, forward.container, (sessionId, onBlocked, onClosed) => {
      return new PortSession({ ...this.#options, ...forward, sessionId, onBlocked, onViolation }, onClosed);
    });
  }

  /**
   * A new token for a session whose connection was lost.
   *
   * @returns `undefined` when there is no such session (any more)
   */
  resume(sessionId: string): ExecSession | undefined {
    const session = this.#sessions.get(sessionId);
    return session && !session.over ? this.#describe(session) : undefined;
  }

  /** Ends a session, and its command or its connections. @returns false when there is none */
  terminate(sessionId: string): boolean {
    const session = this.#sessions.get(sessionId);
    session?.end();
    return session !== undefined;
  }

  /** Ends every command that runs in a container. */
  endContainer(container: string): void {
    // Those that wait first: they must not begin now.
    for (const session of this.#of(container).reverse()) session.end();
  }

  /** Lets a client in, or answers 403 when there is no such session. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [pathname = ""] = (request.url ?? "").split("?");
    const session = pathname.startsWith(STREAM_PATH)
      ? this.#sessions.get(pathname.slice(STREAM_PATH.length))
      : undefined;
    if (!session) {
      socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const line = session.faults.split ? new SplitSocket(socket, session.faults.split) : socket;
    this.#server.handleUpgrade(request, line, head, (webSocket) => session.connect(webSocket, line));
  }

  /** Ends all sessions and their commands. */
  close(): void {
    for (const session of [...this.#sessions.values()].reverse()) session.end();
    this.#server.close();
  }

  #start(prefix: string, container: string, makeAgent: MakeAgent): ExecSession {
    const sessionId = `${prefix}-${randomBytes(13).toString("hex")}`;
    const faults = this.#faultySessions-- > 0 ? this.#faults : {};
    const session = new Session(sessionId, container, makeAgent, this.#options, faults, {
      ended: () => this.#runNext(container),
      forgotten: () => this.#sessions.delete(sessionId),
    });
    this.#sessions.set(sessionId, session);
    this.#runNext(container);
    return this.#describe(session);
  }

  /** The sessions of a container that haven't ended, oldest first. */
  #of(container: string): Session[] {
    return [...this.#sessions.values()].filter((session) => session.container === container && !session.over);
  }

  #runNext(container: string): void {
    for (const session of this.#of(container).slice(0, SESSIONS_A_CONTAINER)) session.run();
  }

  #describe(session: Session): ExecSession {
    const { sessionId } = session;
    const streamUrl = `${this.#options.url}${STREAM_PATH}${sessionId}?role=publish_subscribe`;
    return { sessionId, streamUrl, tokenValue: session.newToken() };
  }
}

/** Makes the agent's end of a session. */
type MakeAgent = (
  sessionId: string,
  onBlocked: (isBlocked: boolean) => void,
  onClosed: (closed: Buffer) => void,
) => AgentSession;

interface SessionEvents {
  /** The agent has ended it. */
  ended(): void;
  /** Its end has been delivered; it can be forgotten. */
  forgotten(): void;
}

/** One session: its agent, and the connection of its client, if there is one. */
class Session {
  readonly sessionId: string;
  readonly container: string;
  readonly faults: ExecFaults;
  readonly #agent: AgentSession;
  readonly #random: () => number;
  readonly #idleTimeoutMs: number;
  readonly #events: SessionEvents;
  #token = "";
  #connection: { webSocket: WebSocket; socket: Duplex; lines: FaultyLine[] } | undefined;
  #messages = 0;
  #isBlocked = false;
  #idle: NodeJS.Timeout | undefined;
  #closed: Buffer | undefined;

  constructor(
    sessionId: string,
    container: string,
    makeAgent: MakeAgent,
    options: ExecGatewayOptions,
    faults: ExecFaults,
    events: SessionEvents,
  ) {
    this.sessionId = sessionId;
    this.container = container;
    this.faults = faults;
    this.#events = events;
    this.#random = seededRandom(faults.seed ?? 1);
    this.#idleTimeoutMs = options.idleTimeoutMs ?? 20 * 60_000;
    this.#agent = makeAgent(
      sessionId,
      (isBlocked) => this.#block(isBlocked),
      (closed) => this.#end(closed),
    );
    this.#waitForClient();
  }

  /** The agent has room for it. */
  run(): void {
    void this.#agent.run();
  }

  /** The command has ended and its channel is closed. */
  get over(): boolean {
    return this.#closed !== undefined;
  }

  /** A token for one connection; earlier ones are no longer good. */
  newToken(): string {
    this.#token = randomUUID();
    return this.#token;
  }

  /** The first message must open the channel with the session's token; else the connection is cut. */
  connect(webSocket: WebSocket, socket: Duplex): void {
    webSocket.on("error", () => socket.destroy());
    webSocket.once("message", (data, isBinary) => {
      if (isBinary || !this.#opens(data)) {
        socket.destroy();
        return;
      }
      this.#token = "";
      this.#attach(webSocket, socket);
    });
  }

  end(): void {
    this.#agent.kill();
  }

  #opens(data: RawData): boolean {
    try {
      const { tokenValue } = decodeOpenDataChannel(toBuffer(data).toString());
      return this.#token !== "" && tokenValue === this.#token;
    } catch {
      return false;
    }
  }

  #attach(webSocket: WebSocket, socket: Duplex): void {
    this.#connection?.socket.destroy();
    clearTimeout(this.#idle);
    const write = (frame: Buffer) => this.#write(webSocket, frame);
    const toClient = this.#line("toClient", (frame) => {
      write(frame);
      this.#count(webSocket, socket);
    });
    const toAgent = this.#line("toAgent", (frame) => this.#agent.receive(frame));
    const connection = { webSocket, socket, lines: [toClient, toAgent] };
    this.#connection = connection;
    webSocket.on("message", (data, isBinary) => {
      if (!isBinary) return;
      toAgent.send(toBuffer(data));
      this.#count(webSocket, socket);
    });
    webSocket.on("close", () => {
      for (const line of connection.lines) line.close();
      if (this.#connection === connection) this.#detach();
    });
    if (this.#closed) this.#sayGoodbye(this.#closed);
    else
      this.#agent.attach({
        send: (frame) => toClient.send(frame),
        isCongested: () => webSocket.bufferedAmount > LARGEST_BACKLOG,
      });
    if (this.#isBlocked) webSocket.pause();
  }

  /** The agent reads nothing of its client any more, or does again. */
  #block(isBlocked: boolean): void {
    this.#isBlocked = isBlocked;
    if (isBlocked) this.#connection?.webSocket.pause();
    else this.#connection?.webSocket.resume();
  }

  #detach(): void {
    this.#connection = undefined;
    this.#agent.detach();
    if (!this.over) this.#waitForClient();
  }

  #waitForClient(): void {
    this.#idle = setTimeout(() => (this.over ? this.#events.forgotten() : this.end()), this.#idleTimeoutMs);
    this.#idle.unref();
  }

  #line(direction: "toClient" | "toAgent", deliver: (frame: Buffer) => void): FaultyLine {
    const { direction: which = "both" } = this.faults;
    const suffers = which === "both" || which === direction;
    return new FaultyLine(suffers ? this.faults : {}, this.#random, deliver);
  }

  /** Cuts the connection after the numbers of messages that the faults name. */
  #count(webSocket: WebSocket, socket: Duplex): void {
    const { closeAfter, closeEvery, closeCleanly } = this.faults;
    this.#messages++;
    if (this.#messages !== closeAfter && (!closeEvery || this.#messages % closeEvery !== 0)) return;
    if (closeCleanly) webSocket.close(1000, "Bye");
    else socket.destroy();
  }

  #write(webSocket: WebSocket, frame: Buffer): void {
    if (webSocket.readyState !== webSocket.OPEN) return;
    const size = this.faults.split ?? frame.length;
    for (let at = 0; at < frame.length; at += size) {
      const fin = at + size >= frame.length;
      webSocket.send(frame.subarray(at, at + size), { binary: true, fin });
    }
  }

  #end(closed: Buffer): void {
    this.#closed = closed;
    if (this.#connection) this.#sayGoodbye(closed);
    this.#events.ended();
  }

  /** The connection ends without WebSocket's own farewell, as on AWS. */
  #sayGoodbye(closed: Buffer): void {
    const { webSocket, socket } = this.#connection!;
    this.#write(webSocket, closed);
    socket.end();
    this.#events.forgotten();
  }
}

const STREAM_PATH = "/v1/data-channel/";
/** Far above what a client sends, and small enough to refuse a flood. */
const LARGEST_MESSAGE = 1024 * 1024;
/** Bytes that wait for a client that doesn't read, before its agent waits as well. */
const LARGEST_BACKLOG = 1024 * 1024;

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
