import type { DbwardConfig } from "@dbward-aws/settings";

/**
 * Completes names that stand in the settings: a stage after `--stage`, an agent after `agent`, the owner of a
 * token after `tokens get` and the like.
 *
 * @param words the words behind `pnpm ops`; the last one is being completed, and may be empty
 * @param readConfig reads the settings file
 * @returns `undefined` when another kind of word is expected, or the settings can't be read
 */
export async function completeValue(
  words: readonly string[],
  readConfig: () => Promise<DbwardConfig>,
): Promise<readonly string[] | undefined> {
  const before = words.at(-2);
  const expectsStage = before === "--stage" || before === "-s";
  const expectsOwner = words.at(-3) === "tokens" && before !== undefined && /^[a-z]+$/.test(before);
  if (!expectsStage && !expectsOwner && before !== "agent") return undefined;
  const { stages } = await readConfig().catch((): DbwardConfig => ({ stages: {} }));
  if (expectsStage) return Object.keys(stages);
  const agents = [...new Set(Object.values(stages).flatMap(agentNames))];
  return expectsOwner ? ["admin", "metrics", ...agents] : agents;
}

function agentNames({ agents = [] }: DbwardConfig["stages"][string]): string[] {
  return agents.map(({ name }) => name);
}
