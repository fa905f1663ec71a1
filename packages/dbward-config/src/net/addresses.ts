import { BlockList, isIPv4, isIPv6 } from "node:net";

/** An address as dbward reads it: no zone, no port. */
export function isAddress(value: string): boolean {
  return isIPv4(value) || (isIPv6(value) && !value.includes("%"));
}

/** An address, or a network such as `10.0.0.0/8`. Bits behind the prefix may be set. */
export function isNetwork(value: string): boolean {
  const [address = "", prefix, ...rest] = value.split("/");
  if (prefix === undefined) return isAddress(value);
  if (rest.length > 0 || !isAddress(address)) return false;
  const [digits, bits] = isIPv4(address) ? [/^[0-9]{1,2}$/, 32] : [/^[0-9]{1,3}$/, 128];
  return digits.test(prefix) && Number(prefix) <= bits;
}

const PRIVATE_IPV4 = networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16");
const PRIVATE_IPV6 = networks("fc00::/7", "fe80::/10");
const LOOPBACK = networks("127.0.0.0/8", "::1/128");
const SPECIAL = networks("0.0.0.0/32", "255.255.255.255/32", "100.64.0.0/10");

export function isLoopback(address: string): boolean {
  return contains(LOOPBACK, address);
}

/** Private, link-local and unique local addresses. */
export function isPrivate(address: string): boolean {
  return contains(PRIVATE_IPV4, address) || contains(PRIVATE_IPV6, address);
}

/** The unspecified and the broadcast address, and the range that providers share (RFC 6598). */
export function isSpecial(address: string): boolean {
  return contains(SPECIAL, address);
}

function networks(...ranges: string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", prefix] = range.split("/");
    list.addSubnet(address, Number(prefix), isIPv4(address) ? "ipv4" : "ipv6");
  }
  return list;
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}
