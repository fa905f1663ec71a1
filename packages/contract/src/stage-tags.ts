import { APP_NAME } from "./names.ts";

/**
 * Tags of all resources of a stage's stacks, by which resources that outlive their stack are found. SST sets the same
 * two tags.
 */
export function stageTags(stage: string): Readonly<Record<string, string>> {
  return { "sst:app": APP_NAME, "sst:stage": stage };
}
