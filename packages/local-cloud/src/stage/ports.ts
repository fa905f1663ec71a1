import { createServer } from "node:net";
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

/** Where a stage begins to look when nothing else is said. */
export const DEFAULT_BASE_PORT = 4566;
const ROLES = ["emulator", "ecs", "server", "dashboard"] as const;

/**
 * Four free ports: those remembered from the last run where they are still free, else the next free ones.
 *
 * @param base the emulator's port when the user named one; it must be free
 * @throws {@link PortInUse} when it isn't
 */
export async function choosePorts(remembered: Partial<StagePorts> = {}, base?: number): Promise<StagePorts> {
  if (base !== undefined && !(await isFree(base))) throw new PortInUse(base);
  const known: Partial<StagePorts> = base === undefined ? remembered : { emulator: base };
  const taken = new Set<number>();
  const ports: Partial<Record<keyof StagePorts, number>> = {};
  for (const role of ROLES) {
    const wanted = known[role];
    let port = wanted ?? (base ?? DEFAULT_BASE_PORT) + ROLES.indexOf(role);
    while (taken.has(port) || !(await isFree(port))) port = port < MAX_PORT ? port + 1 : MIN_PORT;
    taken.add(port);
    ports[role] = port;
  }
  return ports as StagePorts;
}

const MIN_PORT = 1024;
const MAX_PORT = 65_535;

/** Whether 127.0.0.1:port can be listened on at this moment. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
