import { FARGATE_MEMORY_MIB } from "@dbward-aws/contract";

/** What is wrong with this size of a Fargate task; `undefined` when it is valid. */
export function fargateProblem(
  cpu: number,
  memoryMiB: number,
): { field: "cpu" | "memoryMiB"; message: string } | undefined {
  const memories = FARGATE_MEMORY_MIB[cpu];
  if (!memories)
    return { field: "cpu", message: `must be one of ${Object.keys(FARGATE_MEMORY_MIB).join(", ")}` };
  if (memories.includes(memoryMiB)) return undefined;
  return {
    field: "memoryMiB",
    message: `must be one of ${memories.join(", ")}: that is what Fargate offers with ${cpu} CPU units`,
  };
}
