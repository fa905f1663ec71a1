import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";

/** Networks in which a token may travel over plain HTTP. */
const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
] as const)
  PRIVATE.addSubnet(network, prefix, "ipv4");
PRIVATE.addAddress("::1", "ipv6");
PRIVATE.addSubnet("fc00::", 7, "ipv6");
PRIVATE.addSubnet("fe80::", 10, "ipv6");

/**
 * Whether every address of a host is in a private network. A name that doesn't resolve yet is private when it can't be
 * a public one: a single label, or one under `.internal` or `.local`.
 */
export async function isPrivateHost(hostname: string): Promise<boolean> {
  const host = hostname.replace(/^\[|\]$/g, "");
  if (isIP(host)) return isPrivate(host);
  try {
    return (await lookup(host, { all: true })).every(({ address }) => isPrivate(address));
  } catch {
    return !host.includes(".") || /\.(internal|local)$/.test(host);
  }
}

function isPrivate(address: string): boolean {
  return PRIVATE.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
