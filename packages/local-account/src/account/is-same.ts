import { createHash, timingSafeEqual } from "node:crypto";

/** Compares in constant time. */
export function isSame(text: string, expected: string): boolean {
  const [a, b] = [text, expected].map((it) => createHash("sha256").update(it).digest());
  return timingSafeEqual(a!, b!);
}
