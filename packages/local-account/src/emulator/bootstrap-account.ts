import { readFile } from "node:fs/promises";
import {
  type CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
} from "@aws-sdk/client-cloudformation";
import { CreateRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import { type Deadline, describeError } from "@dbward-aws/core";
import { EmulatorUnavailable } from "./errors.ts";

/** What the bootstrap needs. */
export interface AccountBootstrap {
  readonly cloudFormation: CloudFormationClient;
  readonly iam: IAMClient;
  /**
   * Path of the template that comes with the CDK command line tool; `undefined` leaves the stack to that
   * tool.
   */
  readonly template: string | undefined;
  readonly deadline: Deadline;
}

const STACK = "CDKToolkit";
const LOOK_MS = 50;

const ECS_ROLE = {
  RoleName: "AWSServiceRoleForECS",
  Path: "/aws-service-role/ecs.amazonaws.com/",
  AssumeRolePolicyDocument: JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "ecs.amazonaws.com" }, Action: "sts:AssumeRole" }],
  }),
};

/**
 * Prepares the emulated account for CDK deployments, while the workspace is being built: sst would do it by
 * itself, but only after its build. It makes the stack that `cdk bootstrap` makes, from the same template;
 * starting that tool takes longer than the stack. The role that ECS has in every account that used it spares
 * each deployment the wait for a new one.
 *
 * @throws {@link EmulatorUnavailable} `account-bootstrap-failed`
 */
export async function bootstrapAccount(options: AccountBootstrap): Promise<void> {
  const { cloudFormation, iam, template, deadline } = options;
  try {
    // The emulator's own CreateServiceLinkedRole spells the name in another way than AWS.
    await iam.send(new CreateRoleCommand(ECS_ROLE));
    if (template === undefined) return;
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
    throw new EmulatorUnavailable(
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
