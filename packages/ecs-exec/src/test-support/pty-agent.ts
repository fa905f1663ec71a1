import type { WebSocket } from "ws";
import { PAYLOAD_TYPE } from "../protocol/index.ts";
import { AgentPeer } from "./agent-peer.ts";
import { channelClosed } from "./frames.ts";
import { spawnOnPty } from "./pty.ts";

/** Largest piece of output that the agent reads and sends at once, in bytes. */
const READ_SIZE = 1024;

/** Runs the command line on a terminal, and speaks the agent's side on the socket, as ECS Exec has it. */
export function servePty(socket: WebSocket, commandLine: string): void {
  const pty = spawnOnPty(commandLine);
  const peer = new AgentPeer(() => performance.now(), {
    transmit: (frame) => socket.send(frame),
    input: ({ payloadType, payload }) => {
      if (payloadType === PAYLOAD_TYPE.output) pty.stdin?.write(payload);
    },
  });
  const resending = setInterval(() => peer.tick(), 100);
  pty.stdin?.on("error", () => undefined);
  pty.stdout?.on("data", (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += READ_SIZE) peer.send(bytes.subarray(at, at + READ_SIZE));
  });
  pty.on("close", () => socket.send(channelClosed("")));
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) peer.receive(data);
  });
  socket.on("close", () => {
    clearInterval(resending);
    pty.kill();
  });
}
