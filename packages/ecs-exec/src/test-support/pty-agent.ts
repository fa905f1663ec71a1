import type { WebSocket } from "ws";
import { PAYLOAD_TYPE } from "../protocol/index.ts";
import { AgentPeer } from "./agent-peer.ts";
import { channelClosed } from "./frames.ts";
import { spawnOnPty } from "./pty.ts";

/** Largest piece of output that the agent reads and sends at once, in bytes. */
const READ_SIZE = 1024;
/** Milliseconds for which the agent waits for acknowledgements once the command is gone. */
const DRAIN = 2_000;

/** How a session ended on the agent's side. */
export interface EndOfPty {
  /** Messages that the client never acknowledged. */
  readonly unacknowledged: number;
  /** The last of what the terminal showed. */
  readonly lastOutput: string;
}

/** The frames of both directions on their way: what is not handed on is lost. */
export interface Link {
  toClient(frame: Buffer, deliver: (frame: Buffer) => void): void;
  toAgent(frame: Buffer, deliver: (frame: Buffer) => void): void;
}

const PERFECT: Link = {
  toClient: (frame, deliver) => deliver(frame),
  toAgent: (frame, deliver) => deliver(frame),
};

/** Runs the command line on a terminal, and speaks the agent's side on the socket, as ECS Exec has it. */
export function servePty(socket: WebSocket, commandLine: string): Promise<EndOfPty> {
  return servePtyOver(PERFECT, socket, commandLine);
}

/** {@link servePty} over a link with faults. */
export function servePtyOver(link: Link, socket: WebSocket, commandLine: string): Promise<EndOfPty> {
  const pty = spawnOnPty(commandLine);
  const peer = new AgentPeer(() => performance.now(), {
    transmit: (frame) => link.toClient(frame, (arrived) => socket.send(arrived, () => undefined)),
    input: ({ payloadType, payload }) => {
      if (payloadType === PAYLOAD_TYPE.output) pty.stdin?.write(payload);
    },
  });
  const resending = setInterval(() => peer.tick(), 100);
  let lastOutput = "";
  pty.stdin?.on("error", () => undefined);
  pty.stdout?.on("data", (bytes: Buffer) => {
    lastOutput = (lastOutput + bytes.toString("latin1")).slice(-READ_SIZE);
    for (let at = 0; at < bytes.length; at += READ_SIZE) peer.send(bytes.subarray(at, at + READ_SIZE));
  });
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) link.toAgent(data, (arrived) => peer.receive(arrived));
  });
  socket.on("close", () => {
    clearInterval(resending);
    pty.kill();
  });
  return new Promise((resolve) => {
    pty.on("close", () => {
      const until = performance.now() + DRAIN;
      const draining = setInterval(() => {
        if (peer.unacknowledged > 0 && performance.now() < until) return;
        clearInterval(draining);
        socket.send(channelClosed(""), () => undefined);
        resolve({ unacknowledged: peer.unacknowledged, lastOutput });
      }, 5);
    });
  });
}
