import { BlockList, isIPv4, isIPv6 } from "node:net";

/** An address, or a network such as `10.0.0.0/8`. Host bits may be set. */
export function isNetwork(value: string): boolean {
  const [address = "", prefix, ...rest] = value.split("/");
  if (prefix === undefined) return isAddress(value);
  if (rest.length > 0 || !isAddress(address)) return false;
  const [digits, bits] = isIPv4(address) ? [/^[0-9]{1,2}$/, 32] : [/^[0-9]{1,3}$/, 128];
  return digits.test(prefix) && Number(prefix) <= bits;
}

/** An address that dbward accepts, without a zone. */
function isAddress(value: string): boolean {
  return isIPv4(value) || (isIPv6(value) && !value.includes("%"));
}

const PRIVATE = networks("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16");
const SPECIAL = networks("0.0.0.0/32", "255.255.255.255/32", "100.64.0.0/10");

/** Whether an IPv4 address is loopback, private or link-local. */
export function isPrivate(address: string): boolean {
  return PRIVATE.check(address);
}

/** Whether an IPv4 address is unspecified, broadcast or in the shared address space (RFC 6598). */
export function isSpecial(address: string): boolean {
  return SPECIAL.check(address);
}

function networks(...ranges: string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", prefix] = range.split("/");
    list.addSubnet(address, Number(prefix));
  }
  return list;
}
