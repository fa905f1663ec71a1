import { UpdateTerminationProtectionCommand } from "@aws-sdk/client-cloudformation";
import { ModifyLoadBalancerAttributesCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import { STACK_IDS, stageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { type AwsClients, during, findStack, type LiveStack, resourceIds } from "@dbward-aws/stage";

/** Attribute of a load balancer that keeps it from being deleted. */
export const DELETION_PROTECTION = "deletion_protection.enabled";

/**
 * Gives the deployed stacks the termination protection of the settings. The CDK's command does so for itself; SST
 * does not.
 *
 * @returns names of the stacks whose protection was changed
 * @throws AwsCallError
 */
export async function applyTerminationProtection(
  { stage, terminationProtection }: Pick<StageSettings, "stage" | "terminationProtection">,
  clients: Pick<AwsClients, "cloudFormation">,
): Promise<string[]> {
  const changed: string[] = [];
  for (const id of STACK_IDS) {
    const name = stageNames(stage).stack(id);
    const stack = await findStack(clients, name);
    // What a failed first deployment has left is to be deleted, and so is what can't be deleted yet.
    if (!stack || !/^(CREATE_COMPLETE|UPDATE_|IMPORT_)/.test(stack.StackStatus ?? "")) continue;
    if ((stack.EnableTerminationProtection ?? false) === terminationProtection) continue;
    await setTerminationProtection(name, terminationProtection, clients);
    changed.push(name);
  }
  return changed;
}

/** Allows a stack to be deleted, and its load balancers with it. @throws AwsCallError */
export async function liftProtection(
  stack: LiveStack,
  clients: Pick<AwsClients, "cloudFormation" | "loadBalancers">,
): Promise<void> {
  for (const arn of resourceIds(stack, "AWS::ElasticLoadBalancingV2::LoadBalancer"))
    await during(
      `Taking the deletion protection off ${arn}`,
      clients.loadBalancers.send(
        new ModifyLoadBalancerAttributesCommand({
          LoadBalancerArn: arn,
          Attributes: [{ Key: DELETION_PROTECTION, Value: "false" }],
        }),
      ),
    );
  await setTerminationProtection(stack.name, false, clients);
}

/** @throws AwsCallError */
export async function setTerminationProtection(
  name: string,
  enabled: boolean,
  clients: Pick<AwsClients, "cloudFormation">,
): Promise<void> {
  await during(
    `${enabled ? "Protecting stack" : "Taking the termination protection off stack"} ${name}`,
    clients.cloudFormation.send(
      new UpdateTerminationProtectionCommand({ StackName: name, EnableTerminationProtection: enabled }),
    ),
  );
}
