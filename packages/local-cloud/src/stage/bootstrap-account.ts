import { readFile } from "node:fs/promises";
import {
  type CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
} from "@aws-sdk/client-cloudformation";
import { type Deadline, describeError } from "@dbward-aws/core";
import { ToolFailed } from "./errors.ts";

/** What the bootstrap needs. */
export interface AccountBootstrap {
  readonly cloudFormation: CloudFormationClient;
  /** Path of the template that comes with the CDK command line tool. */
  readonly template: string;
  readonly deadline: Deadline;
}

const STACK = "CDKToolkit";
const LOOK_MS = 50;

/**
 * Prepares the emulated account for CDK deployments, while the workspace is being built: sst would do it by itself, but
 * only after its build. It makes the stack that `cdk bootstrap` makes, from the same template; starting that tool
 * takes longer than the stack.
 *
 * @throws {@link ToolFailed} `account-bootstrap-failed`
 */
export async function bootstrapAccount(options: AccountBootstrap): Promise<void> {
  const { cloudFormation, template, deadline } = options;
  try {
    await cloudFormation.send(
      new CreateStackCommand({
        StackName: STACK,
        TemplateBody: await readFile(template, "utf8"),
        Capabilities: ["CAPABILITY_NAMED_IAM"],
        // As the tool has it: otherwise the template makes a key of its own.
        Parameters: [{ ParameterKey: "FileAssetsBucketKmsKeyId", ParameterValue: "AWS_MANAGED_KEY" }],
      }),
    );
    const status = await deadline.until(() => finalStatus(cloudFormation), LOOK_MS);
    if (status !== "CREATE_COMPLETE") throw new Error(`stack ${STACK} is ${status ?? "not ready in time"}`);
  } catch (error) {
    throw new ToolFailed(
      "account-bootstrap-failed",
      `Bootstrapping the emulated account failed: ${describeError(error)}.`,
      { hint: "Look into .local/logs/emulator.log, then start again with: pnpm local", cause: error },
    );
  }
}

async function finalStatus(cloudFormation: CloudFormationClient): Promise<string | undefined> {
  const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName: STACK }));
  const status = Stacks[0]?.StackStatus ?? "";
  return status.endsWith("_IN_PROGRESS") ? undefined : status;
}
