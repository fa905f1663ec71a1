import { type AddressInfo, createServer } from "node:net";
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

/** Where `pnpm local` begins to look, so that its addresses are the same every day. */
export const DEFAULT_BASE_PORT = 4566;
const ROLES = ["emulator", "ecs", "server", "dashboard"] as const;

/** What speaks for certain ports. */
export interface PortWishes {
  /** Ports of the last run: taken again where they are free. */
  readonly remembered?: Partial<StagePorts>;
  /** The emulator's port, when the user named one; it must be free. */
  readonly asked?: number;
  /** Where to look from, upwards. @default - any free ports, so that stages that start at the same time don't meet */
  readonly from?: number;
}

/**
 * Four free ports.
 *
 * @throws {@link PortInUse} when the port that was asked for is taken
 */
export async function choosePorts({ remembered, asked, from }: PortWishes = {}): Promise<StagePorts> {
  if (asked !== undefined && !(await isFree(asked))) throw new PortInUse(asked);
  const known: Partial<StagePorts> = asked === undefined ? (remembered ?? {}) : { emulator: asked };
  const base = asked ?? from;
  const taken = new Set<number>();
  const ports: Partial<Record<keyof StagePorts, number>> = {};
  for (const [index, role] of ROLES.entries()) {
    let port = known[role] ?? (base === undefined ? await anyFree() : base + index);
    while (taken.has(port) || !(await isFree(port))) {
      if (base === undefined) port = await anyFree();
      else port = port < MAX_PORT ? port + 1 : MIN_PORT;
    }
    taken.add(port);
    ports[role] = port;
  }
  return ports as StagePorts;
}

const MIN_PORT = 1024;
const MAX_PORT = 65_535;

/** Whether 127.0.0.1:port can be listened on at this moment. */
export async function isFree(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== undefined;
}

async function anyFree(): Promise<number> {
  const port = await listenOnce(0);
  if (port === undefined) throw new Error("No port of 127.0.0.1 is free.");
  return port;
}

/** @returns the port that could be listened on */
function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(undefined));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = probe.address() as AddressInfo;
      probe.close(() => resolve(address.port));
    });
  });
}
