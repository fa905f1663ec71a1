/**
 * Milliseconds that a service waits before it starts another task, after so many tasks in a row that didn't
 * come up. The first retry is immediate; then 1 s, doubling up to a minute (ECS waits longer, up to 27
 * minutes).
 */
export function backOffMs(failures: number): number {
  return failures < 2 ? 0 : Math.min(60_000, 1000 * 2 ** (failures - 2));
}
