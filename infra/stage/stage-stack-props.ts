import { APP_NAME, type StackId, stageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { Aws, type StackProps } from "aws-cdk-lib";

/**
 * What the stacks of a stage have in common. `stackName` is to be the construct's id as well: SST stops what
 * depends on a failed stack by that name, and `cdk deploy` takes it as an argument.
 *
 * @param description what is in the stack, in a few words
 */
export function stageStackProps(
  id: StackId,
  { stage, terminationProtection }: StageSettings,
  region: string,
  description: string,
): StackProps & { readonly stackName: string } {
  return {
    stackName: stageNames(stage).stack(id),
    description: `${APP_NAME} ${stage}: ${description}`,
    // The account stays open even where the application knows it, as SST's does: a template then fits any
    // account, and availability zones are asked of CloudFormation, not looked up at synth.
    env: { account: Aws.ACCOUNT_ID, region },
    analyticsReporting: false,
    terminationProtection,
  };
}
