import type { Check } from "./questions.ts";

/** A check by a pattern. @param words what the text must be, to be read behind "Enter" */
export const matches =
  (pattern: RegExp, words: string): Check =>
  (text) =>
    pattern.test(text) ? undefined : `Enter ${words}.`;
export const VPC_ID = matches(/^vpc-[0-9a-f]{8,17}$/, "the ID of a VPC, vpc-…");
export const GROUP_ID = matches(/^sg-[0-9a-f]{8,17}$/, "the ID of a security group, sg-…");
export const SUBNET_IDS = matches(
  /^subnet-[0-9a-f]{8,17}(\s*,\s*subnet-[0-9a-f]{8,17})+$/,
  "at least two IDs, separated by commas",
);
export const CIDRS = matches(
  /^[\d.]+\/\d+(\s*,\s*[\d.]+\/\d+)*$/,
  "blocks such as 10.8.0.0/16, separated by commas",
);

/** The parts of a list in one word, separated by commas. */
export function listOf(text: string): string[] {
  return text.split(",").flatMap((part) => part.trim() || []);
}
