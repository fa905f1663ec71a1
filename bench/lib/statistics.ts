/** The middle value; of an even number of values, the upper of the two in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which the given share of all values is, such as 0.25 for the lower quartile. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError("There is no quantile of no values.");
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]!;
}

/**
 * The ratios of values that were measured in the same round: what slows the machine down for a while is in
 * both.
 */
export function ratios(values: readonly number[], references: readonly number[]): number[] {
  return values.map((value, round) => value / references[round]!);
}

/**
 * Measures several things in rounds, each once a round, and in each round in another order: what runs after a
 * heavy one starts slower. A first round to warm up is not counted.
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

/** @returns the milliseconds that it takes */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
