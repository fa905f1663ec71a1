import { CreateRoleCommand, type IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import type { Statement } from "../policy/policy-document.ts";

/** The service that takes a role. */
export type RoleUser = "ecs-tasks" | "lambda";

/**
 * Creates a role with one inline policy, or replaces the policy of an existing one.
 *
 * @returns its ARN
 */
export async function makeRole(
  iam: IAMClient,
  RoleName: string,
  statements: readonly Statement[],
  user: RoleUser = "ecs-tasks",
): Promise<string> {
  const trust = {
    Effect: "Allow",
    Action: "sts:AssumeRole",
    Principal: { Service: `${user}.amazonaws.com` },
  };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [trust] });
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument })).catch((error: Error) => {
    if (!error.name.startsWith("EntityAlreadyExists")) throw error;
  });
  await grant(iam, RoleName, statements);
  return `arn:aws:iam::000000000000:role/${RoleName}`;
}

/** Replaces the inline policy of a role. */
export async function grant(
  iam: IAMClient,
  RoleName: string,
  Statement: readonly Statement[],
): Promise<void> {
  // IAM keeps no policy without a statement.
  const statements = Statement.length > 0 ? Statement : [allow(["none:Nothing"])];
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "inline", PolicyDocument }));
}

/** A statement that allows actions, by default on all resources. */
export function allow(
  Action: readonly string[],
  Resource: string | readonly string[] = "*",
  Condition?: Statement["Condition"],
): Statement {
  return { Effect: "Allow", Action, Resource, ...(Condition ? { Condition } : {}) };
}
