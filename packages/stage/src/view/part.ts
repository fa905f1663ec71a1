import { describeError, redact } from "@dbward-aws/core";

/**
 * One part of a stage, or why it could not be read: a call that is denied leaves the other parts as they are.
 */
export type Part<T> = { readonly items: readonly T[] } | { readonly error: string };

/** Reads a part; an error becomes the part's answer, without secrets. */
export async function readPart<T>(reading: Promise<readonly T[]>): Promise<Part<T>> {
  try {
    return { items: await reading };
  } catch (error) {
    return { error: redact(describeError(error)) };
  }
}

/** The items of a part; none when it could not be read. */
export function itemsOf<T>(part: Part<T>): readonly T[] {
  return "items" in part ? part.items : [];
}

/** Longest text of AWS or of a container that is kept, in characters. */
const MAX_TEXT = 1_000;

/** A text of AWS or of a container, bounded and without secrets. */
export function foreignText(text: string | undefined): string {
  const safe = redact(text ?? "").trim();
  return safe.length > MAX_TEXT ? `${safe.slice(0, MAX_TEXT)}…` : safe;
}

/** Milliseconds since the epoch; 0 when there is no time. */
export function millis(date: Date | undefined): number {
  return date?.getTime() ?? 0;
}
