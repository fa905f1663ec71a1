import { SERVER } from "@dbward-aws/contract";
import { ArnFormat, Stack } from "aws-cdk-lib";
import type * as ecs from "aws-cdk-lib/aws-ecs";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as logs from "aws-cdk-lib/aws-logs";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";
import type { CaptureTask } from "./capture-task.ts";

export interface CaptureRoleProps {
  readonly server: { readonly cluster: ecs.ICluster; readonly logGroup: logs.ILogGroup };
  /** Name of the server's ECS service, which may not be there yet. */
  readonly serviceName: string;
  /** The secrets of the stage. */
  readonly secrets: readonly secretsmanager.ISecret[];
  /** The function's own log. */
  readonly logGroup: logs.ILogGroup;
  /** The one-off task that writes the secrets; without it the function does, through ECS Exec. */
  readonly task?: CaptureTask | undefined;
}

/** Role of the capture function. `docs/capture.md` gives the reason of each line. */
export class CaptureRole extends iam.Role {
  constructor(scope: Construct, id: string, props: CaptureRoleProps) {
    super(scope, id, {
      description: "Puts the bootstrap tokens of a dbward server into Secrets Manager",
      assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
      // Inline, so that the function has them from its first run on.
      inlinePolicies: {
        Capture: new iam.PolicyDocument({ statements: statements(Stack.of(scope), props) }),
      },
    });
    acceptFindings(this, [
      {
        id: "AwsSolutions-IAM5",
        reason:
          "Ids of tasks and names of log streams are known only at run time, and ecs:ListTasks knows no resource: " +
          "the cluster, the container's name and the log group bound them.",
      },
    ]);
  }
}

function statements(stack: Stack, props: CaptureRoleProps): iam.PolicyStatement[] {
  const { cluster, logGroup: serverLog } = props.server;
  const allow = (
    sid: string,
    actions: string[],
    resources: string[],
    conditions: Record<string, Record<string, string>> = {},
  ) => new iam.PolicyStatement({ sid, actions, resources, conditions });
  const inCluster = { ArnEquals: { "ecs:cluster": cluster.clusterArn } };
  const tasks = stack.formatArn({
    service: "ecs",
    resource: "task",
    resourceName: `${cluster.clusterName}/*`,
  });
  const service = stack.formatArn({
    service: "ecs",
    resource: "service",
    resourceName: `${cluster.clusterName}/${props.serviceName}`,
  });
  const secretArns = props.secrets.map((secret) => secret.secretArn);
  return [
    allow("WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], [props.logGroup.logGroupArn]),
    allow("WatchService", ["ecs:DescribeServices"], [service], inCluster),
    allow("FindTasks", ["ecs:ListTasks"], ["*"], inCluster),
    allow("WatchTasks", ["ecs:DescribeTasks"], [tasks], inCluster),
    allow(
      "QuoteServerLog",
      ["logs:DescribeLogStreams", "logs:GetLogEvents"],
      [serverLog.logGroupArn, streamsOf(stack, serverLog)],
    ),
    allow("ReadSecrets", ["secretsmanager:GetSecretValue"], secretArns),
    ...(props.task
      ? taskStatements(stack, props.task, inCluster)
      : [
          allow("SeeSessionLogging", ["ecs:DescribeClusters"], [cluster.clusterArn]),
          allow("OpenSession", ["ecs:ExecuteCommand"], [cluster.clusterArn, tasks], {
            ...inCluster,
            StringEquals: { "ecs:container-name": SERVER.container },
          }),
          // ECS names its sessions so; AWS documents no narrower bound for the one who began them.
          allow(
            "ResumeOrEndSession",
            ["ssm:ResumeSession", "ssm:TerminateSession"],
            [stack.formatArn({ service: "ssm", resource: "session", resourceName: "ecs-execute-command-*" })],
          ),
          allow("FillSecrets", ["secretsmanager:PutSecretValue"], secretArns),
        ]),
  ];
}

/** With a one-off task the function writes no secret and opens no session: it starts the task, and watches it. */
function taskStatements(
  stack: Stack,
  task: CaptureTask,
  inCluster: Record<string, Record<string, string>>,
): iam.PolicyStatement[] {
  const { taskDefinition, logGroup } = task;
  return [
    new iam.PolicyStatement({
      sid: "StartCaptureTask",
      actions: ["ecs:RunTask"],
      resources: [taskDefinition.taskDefinitionArn],
      conditions: inCluster,
    }),
    new iam.PolicyStatement({
      sid: "LendRolesToCaptureTask",
      actions: ["iam:PassRole"],
      resources: [taskDefinition.taskRole.roleArn, taskDefinition.obtainExecutionRole().roleArn],
      conditions: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
    }),
    new iam.PolicyStatement({
      sid: "ReadCaptureTaskLog",
      actions: ["logs:GetLogEvents"],
      resources: [streamsOf(stack, logGroup)],
    }),
  ];
}

function streamsOf(stack: Stack, group: logs.ILogGroup): string {
  return stack.formatArn({
    service: "logs",
    resource: "log-group",
    resourceName: `${group.logGroupName}:log-stream:*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}
