/**
 * Compares versions such as `3.1.1511.0` number by number. What is missing or no number counts as 0.
 *
 * @returns less than 0, 0 or more than 0, as a comparison for `sort`
 */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [one, other].map((version) => version.split(".").map((part) => Number(part) || 0));
  for (let index = 0; index < Math.max(left!.length, right!.length); index++) {
    const difference = (left![index] ?? 0) - (right![index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
