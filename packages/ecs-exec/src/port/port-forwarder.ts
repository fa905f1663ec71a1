import type { Duplex } from "node:stream";
import type { ECSClient } from "@aws-sdk/client-ecs";
import type { SSMClient } from "@aws-sdk/client-ssm";
import { Deadline, type Logger } from "@dbward-aws/core";
import type { ContainerReference } from "../ecs/container.ts";
import { signUpgrade } from "../ecs/sign-upgrade.ts";
import { NoWebSocket } from "../errors.ts";
import type { WebSocketConstructor } from "../session/index.ts";
import { ssmResumer } from "../ssm.ts";
import { PortTimeout } from "./errors.ts";
import { LocalListener } from "./local-listener.ts";
import { type PortBehaviour, PortSession } from "./port-session.ts";
import { startPortSession } from "./start-port-session.ts";

const DEFAULT_CONNECT_WITHIN = 60_000;
const DEFAULT_OPEN_WITHIN = 120_000;

/** Options of {@link PortForwarder}. */
export interface PortForwarderOptions {
  /** Needs `ecs:DescribeTasks`. Its credentials sign the request that opens a session's socket. */
  readonly ecs: ECSClient;
  /**
   * Needs `ssm:StartSession` on the task and on the document; `ssm:ResumeSession` and `ssm:TerminateSession`
   * on its sessions.
   */
  readonly ssm: SSMClient;
  /**
   * It must be pausable, so that memory is bounded, as the one of the package `ws` is.
   * @default - that of `ws`
   */
  readonly webSocket?: WebSocketConstructor;
  /**
   * Receives a line when a connection is lost, resumed or stalled; never data.
   * @default - nothing is logged
   */
  readonly logger?: Logger;
}

/** A port to reach. */
export interface PortRequest extends ContainerReference, PortBehaviour {
  /** 1 to 65535. The containers of a task share one network: any of them reaches the ports of all. */
  readonly port: number;
  /**
   * A host that the task reaches, such as a database: its name, looked up in the task once a session, or its
   * address.
   * @default - the task itself
   */
  readonly host?: string;
  /** When the port must be open; the session outlives that. @default - two minutes from now */
  readonly deadline?: Deadline;
  /** Ends the session when it aborts. */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds for which the call is repeated while Session Manager can't reach the exec agent.
   * @default 60000
   */
  readonly connectWithin?: number;
}

/** A port to reach, and its port on this machine. */
export interface ForwardRequest extends PortRequest {
  /** @default 0 - a free one is taken */
  readonly localPort?: number;
}

/** A port of a task that is open on this machine. */
export interface ForwardedPort extends AsyncDisposable {
  /** Port on 127.0.0.1, and on ::1 where this machine has that. */
  readonly localPort: number;
  readonly session: PortSession;
  /** See `PortSession.ended`. The port is closed by then. */
  readonly ended: Promise<void>;
  /** Stops listening, ends all connections, and the session on the agent's side. */
  close(): Promise<void>;
}

/**
 * Opens ports of ECS tasks, and of hosts that they reach, through Session Manager, without AWS CLI and
 * session-manager-plugin. The task must have been started with `enableExecuteCommand`.
 *
 * A session carries any number of connections. It survives the loss of its own connection: its streams wait,
 * and lose nothing. It ends with the task, after the account's idle timeout (20 minutes without input by
 * default), or when it is closed.
 */
export class PortForwarder {
  readonly #options: PortForwarderOptions;

  constructor(options: PortForwarderOptions) {
    this.#options = options;
  }

  /**
   * Opens a session with a port, for connections that are made in this process: `session.connect()`.
   *
   * @throws RangeError when the request is invalid, or the WebSocket can't be paused
   * @throws TargetNotConnected, AgentNotRunning, ExecNotEnabled, TaskNotFound, AccessDenied, SessionRefused
   * when no session was started
   * @throws HandshakeFailed when the agent is too old, or the session is of another kind
   * @throws PortSessionEnded when it ended at once: the message quotes the agent, for example that it can't
   * resolve the host
   * @throws PortTimeout when the deadline passes; the reason of `signal` when that aborts
   */
  async open(request: PortRequest): Promise<PortSession> {
    checkRequest(request);
    const { ecs, ssm, logger } = this.#options;
    const { port, deadline = Deadline.after(DEFAULT_OPEN_WITHIN), signal = NEVER } = request;
    const host = remoteHost(request.host);
    const destination = `${host ?? "localhost"}:${port} of the task`;
    const opening = AbortSignal.any([deadline.signal, signal]);
    try {
      const [webSocket, started] = await Promise.all([
        this.#webSocket(),
        startPortSession(
          { ecs, ssm },
          {
            ...request,
            host,
            deadline,
            signal: opening,
            connectWithin: request.connectWithin ?? DEFAULT_CONNECT_WITHIN,
            logger,
          },
        ),
      ]);
      return await PortSession.open({
        ...request,
        ...started,
        webSocket,
        destination,
        opening,
        signal,
        logger,
        sign: (streamUrl) => signUpgrade(ecs, streamUrl),
        resumer: ssmResumer(ssm),
      });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw deadline.signal.aborted ? new PortTimeout(destination, { cause: error }) : error;
    }
  }

  /**
   * One connection to a port, as a stream; the session ends with it. For several connections {@link open} a
   * session.
   *
   * @throws what {@link open} throws. A connection that can't be made ends with PortConnectionFailed
   */
  async connect(request: PortRequest): Promise<Duplex> {
    const session = await this.open(request);
    const stream = session.connect();
    stream.once("close", () => void session.close());
    return stream;
  }

  /**
   * Opens a port on this machine. Connections that come before the session is there wait for it.
   *
   * @throws LocalPortInUse, before a session is started; and what {@link open} throws
   */
  async forwardPort(request: ForwardRequest): Promise<ForwardedPort> {
    checkRequest(request);
    const { promise, resolve, reject } = withResolvers<PortSession>();
    promise.catch(() => undefined);
    const listener = await LocalListener.start(request.localPort ?? 0, async () => (await promise).connect());
    let session: PortSession;
    try {
      session = await this.open(request);
      resolve(session);
    } catch (error) {
      reject(error);
      listener.close();
      throw error;
    }
    const close = async () => {
      listener.close();
      await session.close();
    };
    // Connections get what has come for them, and end by themselves.
    session.ended.catch(() => listener.stop());
    return { localPort: listener.port, session, ended: session.ended, close, [Symbol.asyncDispose]: close };
  }

  async #webSocket(): Promise<WebSocketConstructor> {
    const { webSocket } = this.#options;
    if (webSocket) {
      if (typeof webSocket.prototype?.pause === "function") return webSocket;
      throw new RangeError(
        "A port session needs a WebSocket that can be paused, such as that of the package ws.",
      );
    }
    try {
      return (await import("ws")).default as unknown as WebSocketConstructor;
    } catch (cause) {
      throw new NoWebSocket({ cause });
    }
  }
}

const NEVER = new AbortController().signal;

/** @throws RangeError with all that is wrong with it */
function checkRequest({ port, host, localPort = 0 }: ForwardRequest): void {
  const mistakes = [
    isPort(port) && port > 0 ? "" : `port must be a whole number from 1 to 65535, and is ${port}`,
    isPort(localPort) ? "" : `localPort must be a whole number from 0 to 65535, and is ${localPort}`,
    host === undefined || /^[\p{L}\p{N}._:-]{1,253}$/u.test(host) ? "" : "host must be a name or an address",
  ].filter(Boolean);
  if (mistakes.length > 0) throw new RangeError(`The port can't be opened: ${mistakes.join("; ")}.`);
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 65_535;
}

/** Agents refuse to forward to loopback addresses by name; the task itself has a document of its own. */
function remoteHost(host: string | undefined): string | undefined {
  return host === undefined || /^(?:localhost\.?|127(?:\.\d{1,3}){3}|::1|0:0:0:0:0:0:0:1)$/i.test(host)
    ? undefined
    : host;
}

function withResolvers<T>() {
  let settle!: { resolve: (value: T) => void; reject: (error: unknown) => void };
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}
