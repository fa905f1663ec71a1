import { setTimeout as sleep } from "node:timers/promises";
import { CreateServiceLinkedRoleCommand, GetRoleCommand } from "@aws-sdk/client-iam";
import { Deadline } from "@dbward-aws/core";
import { AwsCallError, type AwsClients, during } from "@dbward-aws/stage";

const ECS = { service: "ecs.amazonaws.com", role: "AWSServiceRoleForECS" };
/**
 * IAM takes some seconds until other services see a role; the first CreateCluster would fail in that time.
 */
const SETTLE_MS = 10_000;
const WAIT_MS = 60_000;
const ASK_EVERY_MS = 1_000;

/**
 * Makes sure that the account has the service-linked role of ECS. In an account that never used ECS, the
 * first CreateCluster or CreateService may fail with "Unable to assume the service linked role". The roles of
 * EFS and of load balancers are created by the call that needs them first.
 *
 * @param settleMs milliseconds to wait after a creation
 * @returns what the caller should know: the role was created, or what to run because the caller may not
 * create it
 * @throws AwsCallError when IAM fails for another reason than a missing permission
 */
export async function ensureServiceLinkedRole(
  { iam }: Pick<AwsClients, "iam">,
  settleMs = SETTLE_MS,
): Promise<string | undefined> {
  const exists = async () => {
    try {
      await iam.send(new GetRoleCommand({ RoleName: ECS.role }));
      return true;
    } catch (error) {
      // An identity that may not read the role may still be allowed to create it.
      if (isNamed(error, "NoSuchEntityException", "NoSuchEntity") || isDenied(error)) return false;
      throw new AwsCallError(`Looking up the role ${ECS.role}`, error);
    }
  };
  if (await exists()) return undefined;
  try {
    await iam.send(new CreateServiceLinkedRoleCommand({ AWSServiceName: ECS.service }));
  } catch (error) {
    if (isNamed(error, "InvalidInputException", "InvalidInput") && /has been taken/.test(String(error)))
      return undefined;
    if (isDenied(error))
      return (
        `Your identity may not create the service-linked role of ECS (iam:CreateServiceLinkedRole). If this account never used ECS, have somebody run: ` +
        `aws iam create-service-linked-role --aws-service-name ${ECS.service}`
      );
    throw new AwsCallError(`Creating the service-linked role ${ECS.role}`, error);
  }
  await during(
    `Waiting for the role ${ECS.role}`,
    Deadline.after(WAIT_MS).until(async () => (await exists()) || undefined, ASK_EVERY_MS),
  );
  await sleep(settleMs);
  return `Created the service-linked role of ECS, ${ECS.role}: this account had none.`;
}

function isNamed(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name);
}

function isDenied(error: unknown): boolean {
  return error instanceof Error && /AccessDenied/.test(error.name);
}
