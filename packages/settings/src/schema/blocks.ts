/** Whether an IPv4 CIDR block is inside another. Malformed blocks are in none. */
export function containsBlock(outer: string, inner: string): boolean {
  const [around, within] = [rangeOf(outer), rangeOf(inner)];
  return around.first <= within.first && within.last <= around.last;
}

/** First and last address of a block, as numbers; `NaN` when it is malformed. */
function rangeOf(block: string): { readonly first: number; readonly last: number } {
  const [address = "", prefix] = block.split("/");
  const first = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return { first, last: first + 2 ** (32 - Number(prefix)) - 1 };
}
