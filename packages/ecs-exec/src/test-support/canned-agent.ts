import type { WebSocket } from "ws";
import { AgentPeer } from "./agent-peer.ts";
import { split, transcript } from "./frames.ts";

/**
 * An agent whose framed command has written `stdout` and ended with exit code 0.
 *
 * @param bytes how much of the terminal's output is sent. @default - all
 */
export function answerWith(socket: WebSocket, commandLine: string, stdout: Uint8Array, bytes?: number): void {
  const peer = new AgentPeer(() => performance.now(), {
    transmit: (message) => socket.send(message),
    input: () => undefined,
  });
  socket.on("message", (data: Buffer, isBinary) => isBinary && peer.receive(data));
  const shown = transcript(nonceOf(commandLine), stdout, 0).subarray(0, bytes);
  for (const piece of split(shown, [1024])) peer.send(piece);
}

/** The random number that marks a command's own lines on the terminal. */
export function nonceOf(commandLine: string): string {
  const nonce = /n=@([0-9a-f]+)/.exec(commandLine)?.[1];
  if (nonce === undefined) throw new Error("The command line isn't framed");
  return nonce;
}
