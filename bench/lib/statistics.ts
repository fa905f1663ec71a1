/** The middle one; of an even number the upper of the two. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("There is no median of nothing");
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
}

/**
 * Median of the ratios of what was measured in the same round: whatever slows the machine down for a while is in both halves.
 */
export function medianRatio(values: readonly number[], references: readonly number[]): number {
  return median(values.map((value, round) => value / references[round]!));
}

/**
 * Takes several measurements in rounds, one of each a round. Each takes every place in the round: what comes after a heavy one
 * starts slower. A round before the first warms up and doesn't count.
 *
 * @param works each returns one measurement
 * @returns the measurements of each, by round
 */
export async function inRounds<Works extends { readonly [name: string]: () => Promise<number> }>(
  rounds: number,
  works: Works,
): Promise<{ [Name in keyof Works]: number[] }> {
  const order = Object.entries(works);
  const results = Object.fromEntries(order.map(([name]) => [name, [] as number[]]));
  for (const [, work] of order) await work();
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of order) results[name]!.push(await work());
    order.push(order.shift()!);
  }
  return results as { [Name in keyof Works]: number[] };
}

/** @returns milliseconds that it takes */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
