import { UsageError } from "@dbward-aws/cli";

/** A TCP port from the command line; 0 for a free one. @throws UsageError */
export function portNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new UsageError(`--port can't be "${text}".`, "Use a number from 0 to 65535; 0 is a free port.");
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a duration such as `30s`, `10m`, `2h` or `1d`. @throws UsageError */
export function durationMs(text: string): number {
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (amount && unit) return Number(amount) * UNITS[unit]!;
  throw new UsageError(`--since can't be "${text}".`, "Use a duration such as 30s, 10m, 2h or 1d.");
}
