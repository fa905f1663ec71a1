import { UsageError } from "@dbward-aws/cli";

/** The words after `--`. @throws UsageError when there are none */
export function commandWords(words: unknown): readonly [string, ...string[]] {
  const [program, ...args] = (Array.isArray(words) ? words : []).map(String);
  if (program !== undefined) return [program, ...args];
  throw new UsageError("The command to run is missing.", "Put it after --, such as: -- ls -l /data");
}
