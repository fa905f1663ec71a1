/** Memory sizes in MiB that Fargate offers for each number of CPU units (Amazon ECS developer guide, task size). */
const SIZES: Readonly<Record<number, readonly number[]>> = {
  256: [512, 1024, 2048],
  512: steps(1, 4),
  1024: steps(2, 8),
  2048: steps(4, 16),
  4096: steps(8, 30),
  8192: steps(16, 60, 4),
  16384: steps(32, 120, 8),
};

function steps(fromGiB: number, toGiB: number, stepGiB = 1): number[] {
  return Array.from({ length: (toGiB - fromGiB) / stepGiB + 1 }, (_, i) => (fromGiB + i * stepGiB) * 1024);
}

/** What is wrong with this size of a Fargate task; `undefined` when nothing is. */
export function fargateProblem(
  cpu: number,
  memoryMiB: number,
): { field: "cpu" | "memoryMiB"; message: string } | undefined {
  const memories = SIZES[cpu];
  if (!memories) return { field: "cpu", message: `must be one of ${Object.keys(SIZES).join(", ")}` };
  if (memories.includes(memoryMiB)) return undefined;
  return {
    field: "memoryMiB",
    message: `must be one of ${memories.join(", ")}: that is what Fargate offers with ${cpu} CPU units`,
  };
}
