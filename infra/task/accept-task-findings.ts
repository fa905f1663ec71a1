import type * as ecs from "aws-cdk-lib/aws-ecs";
import type * as iam from "aws-cdk-lib/aws-iam";
import { acceptFindings } from "../accept-finding.ts";

/** Accepts what cdk-nag has against the service's task: call it when the service is made. */
export function acceptTaskFindings(
  taskDefinition: ecs.TaskDefinition,
  taskRole: iam.IRole,
  exec: boolean,
): void {
  acceptFindings(taskDefinition.node.defaultChild!, [
    {
      id: "AwsSolutions-ECS2",
      reason: "These variables hold no secret: those come from Secrets Manager when the task starts.",
    },
  ]);
  acceptFindings(taskDefinition.executionRole!, [
    {
      id: "AwsSolutions-IAM5",
      appliesTo: ["Resource::*"],
      reason: "A pull from ECR begins with ecr:GetAuthorizationToken, which knows no resource.",
    },
  ]);
  if (exec)
    acceptFindings(taskRole, [
      {
        id: "AwsSolutions-IAM5",
        appliesTo: ["Resource::*"],
        reason: "ECS Exec needs four ssmmessages actions, and none of them knows a resource.",
      },
    ]);
}
