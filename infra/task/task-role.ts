import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";

export interface TaskRoleProps {
  /** Whose role it is, for the people who meet it in IAM. */
  readonly description: string;
}

/** A role that only ECS tasks of this account and region can take. */
export class TaskRole extends iam.Role {
  constructor(scope: Construct, id: string, props: TaskRoleProps) {
    super(scope, id, {
      description: props.description,
      assumedBy: new iam.ServicePrincipal("ecs-tasks.amazonaws.com", {
        conditions: {
          StringEquals: { "aws:SourceAccount": Stack.of(scope).account },
          ArnLike: { "aws:SourceArn": Stack.of(scope).formatArn({ service: "ecs", resource: "*" }) },
        },
      }),
    });
  }
}
