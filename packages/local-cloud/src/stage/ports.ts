import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { PortInUse } from "./errors.ts";

/** The loopback ports of a local stage. */
export interface StagePorts {
  /** The emulated account. */
  readonly emulator: number;
  /** The ECS API in front of it. */
  readonly ecs: number;
  /** dbward's server: its container port 3000. */
  readonly server: number;
  /** The dashboard page. */
  readonly dashboard: number;
}

/** Ports that no other local stage on this machine chooses until they are given back. */
export interface ReservedPorts {
  readonly ports: StagePorts;
  release(): Promise<void>;
}

/** Where `pnpm local` begins to look, so that its addresses are the same every day. */
export const DEFAULT_BASE_PORT = 4566;
const ROLES = ["emulator", "ecs", "server", "dashboard"] as const;

/** What speaks for certain ports. */
export interface PortWishes {
  /** Ports of the last run: taken again where they are free. */
  readonly remembered?: Partial<StagePorts>;
  /** The emulator's port, when the user named one; it must be free. */
  readonly asked?: number;
  /** Where to look from, upwards. @default - somewhere, so that stages that start at the same time seldom meet */
  readonly from?: number;
}

/**
 * Four free ports, reserved: minutes can pass before the last of them is listened on, and another stage must not
 * choose it meanwhile. While a port is reserved, its guard is listened on: the port {@link GUARD_DISTANCE} above it.
 * A guard goes away with its process, so that a killed one leaves no reservation behind.
 *
 * @throws {@link PortInUse} when the port that was asked for is taken
 */
export async function reservePorts({ remembered, asked, from }: PortWishes = {}): Promise<ReservedPorts> {
  const wished: Partial<StagePorts> = asked === undefined ? (remembered ?? {}) : { emulator: asked };
  const base = asked ?? from ?? somewhere();
  const guards: Server[] = [];
  const release = async () => {
    await Promise.all(guards.splice(0).map(close));
  };
  const take = async (port: number): Promise<boolean> => {
    const guard = await listen(guardOf(port));
    if (guard && (await isFree(port))) {
      guards.push(guard);
      return true;
    }
    if (guard) await close(guard);
    return false;
  };

  const ports: Partial<Record<keyof StagePorts, number>> = {};
  for (const [index, role] of ROLES.entries()) {
    let port = wished[role] ?? base + index;
    while (!(await take(port))) {
      if (port === asked) {
        await release();
        throw new PortInUse(asked);
      }
      port = port < MAX_PORT ? port + 1 : MIN_PORT;
    }
    ports[role] = port;
  }
  return { ports: ports as StagePorts, release };
}

const MIN_PORT = 1_024;
const MAX_PORT = 65_535;
const GUARD_DISTANCE = 20_000;
/** Below the ports that systems give to outgoing connections, and so are their guards. */
const SOMEWHERE = { from: 6_000, to: 12_000 };

function somewhere(): number {
  return SOMEWHERE.from + Math.floor(Math.random() * (SOMEWHERE.to - SOMEWHERE.from));
}

function guardOf(port: number): number {
  return port + GUARD_DISTANCE <= MAX_PORT ? port + GUARD_DISTANCE : port - GUARD_DISTANCE;
}

/** Whether 127.0.0.1:port can be listened on at this moment. */
export async function isFree(port: number): Promise<boolean> {
  const probe = await listen(port);
  if (probe) await close(probe);
  return probe !== undefined;
}

/** @returns `undefined` when the port is taken */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => resolve(undefined));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => resolve(server));
    server.unref();
  });
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  await closed;
}
