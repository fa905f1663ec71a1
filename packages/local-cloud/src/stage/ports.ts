import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { PortInUse } from "@dbward-aws/local-account";

/** The loopback ports of one stage of an emulated account. */
export interface StagePorts {
  /** dbward's server: its container port 3000. */
  readonly server: number;
  /** The dashboard page. */
  readonly dashboard: number;
}

/** The loopback ports of an emulated account and its first stage. */
export interface AccountPorts extends StagePorts {
  /** The emulated account. */
  readonly emulator: number;
}

/** Ports that no other local stage on this machine uses until they are released. */
export interface ReservedPorts<Ports> {
  readonly ports: Ports;
  release(): Promise<void>;
}

/** Where `pnpm local` begins to look, so that its addresses are the same every day. */
export const DEFAULT_BASE_PORT = 4566;

/** Preferences for ports. */
export interface PortWishes {
  /** Ports of the last run: taken again where they are free. */
  readonly remembered?: Partial<AccountPorts>;
  /** The emulator's port, when the user named one; it must be free. */
  readonly asked?: number;
  /**
   * Where to look from, upwards.
   * @default - somewhere, so that stages that start at the same time seldom meet
   */
  readonly from?: number;
}

/**
 * Ports for an emulated account and its first stage.
 *
 * @throws {@link PortInUse} when the port that was asked for is taken
 */
export function reservePorts(wishes: PortWishes = {}): Promise<ReservedPorts<AccountPorts>> {
  return reserve(["emulator", "server", "dashboard"], wishes);
}

/** Ports for a further stage of an account. @param remembered those of the last run */
export function reserveStagePorts(remembered: Partial<StagePorts> = {}): Promise<ReservedPorts<StagePorts>> {
  return reserve(["server", "dashboard"], { remembered });
}

/**
 * Free ports, reserved: minutes can pass before the last of them is listened on, and another stage must not
 * choose it meanwhile. While a port is reserved, its guard is listened on: the port {@link GUARD_DISTANCE}
 * above it. A guard goes away with its process, so that a killed one leaves no reservation behind.
 */
async function reserve<Role extends keyof AccountPorts>(
  roles: readonly Role[],
  { remembered, asked, from }: PortWishes,
): Promise<ReservedPorts<Record<Role, number>>> {
  const wished: Partial<AccountPorts> = asked === undefined ? (remembered ?? {}) : { emulator: asked };
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

  const ports: Partial<Record<Role, number>> = {};
  for (const [index, role] of roles.entries()) {
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
  return { ports: ports as Record<Role, number>, release };
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
