const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Writes a UUID the way the channel has it: its two halves swapped, bytes 8 to 15 first.
 *
 * @throws RangeError when `uuid` isn't written as 8-4-4-4-12 hex digits
 */
export function writeSwappedUuid(uuid: string, into: Buffer, offset: number): void {
  if (!UUID.test(uuid)) throw new RangeError("A message id must be a UUID");
  const hex = uuid.replaceAll("-", "");
  into.write(hex.slice(16), offset, 8, "hex");
  into.write(hex.slice(0, 16), offset + 8, 8, "hex");
}

/** Reads what {@link writeSwappedUuid} wrote, in lower case. */
export function readSwappedUuid(from: Buffer, offset: number): string {
  const low = from.toString("hex", offset, offset + 8);
  const high = from.toString("hex", offset + 8, offset + 16);
  return `${high.slice(0, 8)}-${high.slice(8, 12)}-${high.slice(12)}-${low.slice(0, 4)}-${low.slice(4)}`;
}
