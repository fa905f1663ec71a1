import type { DbwardError } from "@dbward-aws/core";
import { DataChannel } from "../channel/data-channel.ts";
import {
  ACTION_SESSION_TYPE,
  decodeMessage,
  encodeHandshakeComplete,
  encodeHandshakeRequest,
  encodeMessage,
  MESSAGE_TYPE,
  PAYLOAD_OFFSET,
  PAYLOAD_TYPE,
} from "../protocol/index.ts";
import { AgentPeer } from "./agent-peer.ts";
import { channelClosed } from "./frames.ts";

/** What happens to one frame on its way. Times are virtual milliseconds. */
export interface Fate {
  /** How often it arrives: 0 when it is lost. */
  readonly copies: number;
  readonly delay: number;
  /** Counts to a byte of its payload that is changed on the way. */
  readonly damage?: number | undefined;
  /** Counts to a byte of the whole frame. The protocol's digest doesn't cover the header. */
  readonly damageAnywhere?: number | undefined;
}

/** A faulty network: frames meet these fates in turn, and after them arrive well. */
export interface Network {
  readonly fates: readonly Fate[];
  /**
   * Times at which the connection breaks; everything on the way is lost, and 250 ms later there is a new one.
   */
  readonly outages?: readonly number[];
  /** Times at which publication is paused, for 250 ms. */
  readonly pauses?: readonly number[];
  /**
   * Time at which the service ends the session, whatever is still on the way.
   * @default - when all is acknowledged
   */
  readonly closeAt?: number | undefined;
}

export interface SimulationOptions {
  readonly network: Network;
  /** The agent's messages: sent at its start, one a virtual millisecond. */
  readonly output: readonly Uint8Array[];
  /** Typed as soon as the first output has come. */
  readonly input?: Uint8Array;
  /** The agent begins with a handshake, and throws input away that comes before its end. @default false */
  readonly handshake?: boolean;
  readonly onOutput?: (bytes: Buffer) => void;
}

export interface SimulationResult {
  readonly output: Buffer;
  /** What the agent typed into its terminal. */
  readonly input: Buffer;
  readonly end: "closed" | "incomplete" | "open" | DbwardError;
  /** Virtual milliseconds. */
  readonly duration: number;
}

const HANDSHAKE_REQUEST = encodeHandshakeRequest({
  AgentVersion: "3.3.0.0",
  RequestedClientActions: [
    { ActionType: ACTION_SESSION_TYPE, ActionParameters: { SessionType: "InteractiveCommands" } },
  ],
});
const publication = (messageType: string) =>
  encodeMessage({ messageType, sequenceNumber: 0, payload: new Uint8Array() });

const ROUND = 250;
const END_OF_TIME = 300_000;
const FINE: Fate = { copies: 1, delay: 1 };

/** Lets a client and an agent speak over a network without any time passing. */
export function simulate(options: SimulationOptions): SimulationResult {
  const { network } = options;
  let now = 0;
  let epoch = 0;
  let end: SimulationResult["end"] = "open";
  const fates = network.fates.values();
  const queue: { at: number; run: () => void }[] = [];
  const output: Buffer[] = [];
  const input: Buffer[] = [];
  const at = (time: number, run: () => void) => queue.push({ at: time, run });

  const carry = (frame: Buffer, deliver: (frame: Buffer) => void) => {
    const { copies, delay, damage, damageAnywhere } = fates.next().value ?? FINE;
    const sentIn = epoch;
    for (let copy = 0; copy < copies; copy++)
      at(now + delay * (copy + 1), () => {
        if (sentIn !== epoch) return;
        const arrived = Buffer.from(frame);
        if (damageAnywhere !== undefined) arrived[damageAnywhere % arrived.length]! ^= 0x20;
        if (damage !== undefined)
          arrived[PAYLOAD_OFFSET + (damage % (arrived.length - PAYLOAD_OFFSET))]! ^= 0x20;
        deliver(arrived);
      });
  };
  const client: DataChannel = new DataChannel({
    now: () => now,
    events: {
      transmit: (frame) => {
        if (typeof frame !== "string") carry(frame, (arrived) => receiveAtAgent(arrived));
      },
      acknowledge: (frame) => carry(frame, (arrived) => receiveAtAgent(arrived)),
      output: (bytes) => {
        if (output.length === 0 && options.input) client.write(options.input);
        output.push(Buffer.from(bytes));
        options.onOutput?.(Buffer.from(bytes));
      },
      exitCode: () => undefined,
      dataKeyRequested: () => client.refuseEncryption("no key"),
      closed: (_output, missing) => {
        end = missing ? "incomplete" : "closed";
      },
      failed: (error) => {
        end = error;
      },
      ping: () => {
        at(now + 1, () => client.heard());
        return true;
      },
    },
  });
  let isReady = !options.handshake;
  const sendOutput = () => {
    options.output.forEach((bytes, index) => {
      at(now + index + 1, () => agent.send(bytes));
    });
  };
  const agent = new AgentPeer(() => now, {
    transmit: (frame) => carry(frame, (arrived) => client.receive(arrived)),
    input: ({ payloadType, payload }) => {
      if (payloadType === PAYLOAD_TYPE.handshakeResponse) {
        isReady = true;
        const complete = encodeHandshakeComplete({ HandshakeTimeToComplete: 1, CustomerMessage: "" });
        agent.send(complete, PAYLOAD_TYPE.handshakeComplete);
        sendOutput();
      } else if (payloadType === PAYLOAD_TYPE.output && isReady) input.push(Buffer.from(payload));
    },
  });
  const receiveAtAgent = (frame: Buffer) => {
    try {
      // The agent would take damaged input; that is what the framing is for, and not the channel.
      decodeMessage(frame);
      agent.receive(frame);
    } catch {
      // As if it were lost.
    }
  };

  client.connected("token");
  if (options.handshake) agent.send(HANDSHAKE_REQUEST, PAYLOAD_TYPE.handshakeRequest);
  else sendOutput();
  for (const time of network.pauses ?? []) {
    at(time, () => client.receive(publication(MESSAGE_TYPE.pausePublication)));
    at(time + ROUND, () => client.receive(publication(MESSAGE_TYPE.startPublication)));
  }
  for (const time of network.outages ?? []) {
    at(time, () => {
      epoch++;
      client.disconnected();
    });
    at(time + ROUND, () => client.connected("another token"));
  }
  if (network.closeAt !== undefined) at(network.closeAt, () => client.receive(channelClosed("")));

  let agentTick = 100;
  while (end === "open" && now < END_OF_TIME) {
    queue.sort((one, other) => one.at - other.at);
    const next = queue[0];
    const clientTick = Math.max(now, client.nextTick ?? Number.POSITIVE_INFINITY);
    now = Math.min(next?.at ?? Number.POSITIVE_INFINITY, clientTick, agentTick);
    if (now >= agentTick) {
      agent.tick();
      agentTick += 100;
      if (
        queue.length === 0 &&
        isReady &&
        agent.unacknowledged === 0 &&
        client.isInputDelivered &&
        network.closeAt === undefined
      )
        client.receive(channelClosed(""));
    }
    if (now >= clientTick) client.tick();
    if (next && now >= next.at) {
      queue.shift();
      next.run();
    }
  }
  return { output: Buffer.concat(output), input: Buffer.concat(input), end, duration: now };
}
