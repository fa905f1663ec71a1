import { STACK_IDS } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import type { AwsClients, LiveStack } from "@dbward-aws/stage";
import { findLeftovers } from "../leftovers/find-leftovers.ts";
import { isResultBucket, nameOf } from "../leftovers/leftover.ts";
import { isDeployed } from "../leftovers/stage-stacks.ts";
import type { PreflightFindings } from "./findings.ts";

/**
 * What an earlier stage of this name left: CloudFormation could not create its own beside it. Asked only where a stack of the stage
 * is to be created.
 */
export async function checkLeftovers(
  settings: StageSettings,
  stacks: readonly LiveStack[],
  clients: AwsClients,
  region: string,
  findings: PreflightFindings,
): Promise<void> {
  if (stacks.filter(isDeployed).length === STACK_IDS.length) return;
  const { leftovers, unread } = await findLeftovers(settings, stacks, clients, region);
  for (const line of unread) findings.warn(`Leftovers of an earlier deployment were not looked for: ${line}`);
  for (const leftover of leftovers)
    if (leftover.blocks)
      findings.refuse(
        `${nameOf(leftover)} already exists, and belongs to none of the stage's stacks: an earlier deployment left it behind. If ` +
          `nobody needs it, run: ${leftover.commands.join("; ")}`,
      );
  const bucket = leftovers.find(isResultBucket);
  if (bucket && settings.storage.backend === "s3" && settings.storage.bucketName === undefined)
    findings.warn(
      `Bucket ${bucket.id} has the results of an earlier deployment, which a new bucket would not have. To use it, write ` +
        `storage: { bucketName: "${bucket.id}" }; all that is left: pnpm ops cleanup --stage ${settings.stage}`,
    );
}
