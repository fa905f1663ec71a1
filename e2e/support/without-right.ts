import { DescribeStackResourcesCommand } from "@aws-sdk/client-cloudformation";
import {
  GetRolePolicyCommand,
  IAMClient,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import type { StackId } from "@dbward-aws/contract";
import type { LocalStage } from "@dbward-aws/local-cloud";
import type { Account } from "./account.ts";

interface Policy {
  readonly Statement: readonly { readonly Action: string | readonly string[] }[];
}

/**
 * Removes a right from a deployed role, runs something, and restores the right.
 *
 * @param logicalId of the role in its stack, as far as it has no hash
 */
export async function withoutRight<T>(
  stage: LocalStage,
  account: Account,
  role: { readonly stack: StackId; readonly logicalId: string },
  action: string,
  run: () => Promise<T>,
): Promise<T> {
  const iam = new IAMClient(stage.clientConfig());
  const StackName = account.names.stack(role.stack);
  const { StackResources = [] } = await account.cloudFormation.send(
    new DescribeStackResourcesCommand({ StackName }),
  );
  const found = StackResources.find(
    ({ ResourceType, LogicalResourceId = "" }) =>
      ResourceType === "AWS::IAM::Role" && LogicalResourceId.replace(/[0-9A-F]{8}$/, "") === role.logicalId,
  );
  const RoleName = found?.PhysicalResourceId;
  if (!RoleName) throw new Error(`Stack ${StackName} has no role ${role.logicalId}.`);
  const put = (PolicyName: string, policy: Policy) =>
    iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: JSON.stringify(policy) }));
  const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
  const policies = await Promise.all(
    PolicyNames.map(async (PolicyName) => {
      const { PolicyDocument = "" } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
      return [PolicyName, JSON.parse(decodeURIComponent(PolicyDocument)) as Policy] as const;
    }),
  );
  let isTaken = false;
  try {
    for (const [name, policy] of policies) {
      const Statement = policy.Statement.map((statement) => {
        const actions = [statement.Action].flat();
        isTaken ||= actions.includes(action);
        const left = actions.filter((it) => it !== action);
        return { ...statement, Action: left.length > 0 ? left : ["none:Nothing"] };
      });
      await put(name, { ...policy, Statement });
    }
    if (!isTaken) throw new Error(`${RoleName} doesn't have ${action}.`);
    return await run();
  } finally {
    for (const [name, policy] of policies) await put(name, policy);
    iam.destroy();
  }
}
