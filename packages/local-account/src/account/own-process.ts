import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";

/**
 * Whether the other end of a loopback connection belongs to a process of this user. Only Linux has this
 * information; elsewhere the answer is true.
 */
export async function isOwnProcess({ remotePort, localPort }: Socket): Promise<boolean> {
  if (process.platform !== "linux" || remotePort === undefined || localPort === undefined) return true;
  // "sl local_address rem_address st queues timer retransmits uid …", addresses in hexadecimal, 127.0.0.1
  // also as ::ffff:127.0.0.1
  const address = (port: number) => `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const table of ["tcp", "tcp6"]) {
    const lines = (await readFile(`/proc/net/${table}`, "utf8").catch(() => "")).split("\n");
    for (const line of lines) {
      const [, local = "", remote = "", , , , , uid] = line.trim().split(/\s+/);
      if (local.endsWith(address(remotePort)) && remote.endsWith(address(localPort)))
        return Number(uid) === process.getuid?.();
    }
  }
  return false;
}
