import { Stack } from "aws-cdk-lib";
import type * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import type * as logs from "aws-cdk-lib/aws-logs";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { allow } from "../function/allow.ts";
import { FunctionRole } from "../function/function-role.ts";
import type { DbwardServer } from "../server/dbward-server.ts";
import { keyUse } from "../state/key-use.ts";
import { streamsOf, tasksOf } from "./arns.ts";
import type { BoundCapture } from "./capture-method.ts";

export interface CaptureRoleProps {
  readonly server: DbwardServer;
  /** The secrets of the stage. */
  readonly secrets: readonly secretsmanager.ISecret[];
  /** The function's own log. */
  readonly logGroup: logs.ILogGroup;
  readonly method: BoundCapture;
  /** Customer managed key of the secrets. */
  readonly encryptionKey: kms.IKey | undefined;
}

/** Role of the capture function. `docs/capture.md` gives the reason of each line. */
export class CaptureRole extends FunctionRole {
  constructor(scope: Construct, id: string, props: CaptureRoleProps) {
    super(scope, id, {
      description: "Puts the bootstrap tokens of a dbward server into Secrets Manager",
      policyName: "Capture",
      logGroup: props.logGroup,
      writeLogSid: "WriteOwnLog",
      statements: statements(Stack.of(scope), props),
      wildcards:
        "Ids of tasks and names of log streams are known only at run time, and ecs:ListTasks knows no resource: " +
        "the cluster, the container's name and the log group bound them.",
    });
  }
}

function statements(stack: Stack, props: CaptureRoleProps): iam.PolicyStatement[] {
  const { cluster, logGroup: serverLog, serviceName } = props.server;
  const inCluster = { ArnEquals: { "ecs:cluster": cluster.clusterArn } };
  const service = stack.formatArn({
    service: "ecs",
    resource: "service",
    resourceName: `${cluster.clusterName}/${serviceName}`,
  });
  return [
    allow("WatchService", ["ecs:DescribeServices"], [service], inCluster),
    allow("FindTasks", ["ecs:ListTasks"], ["*"], inCluster),
    allow("WatchTasks", ["ecs:DescribeTasks"], [tasksOf(stack, cluster)], inCluster),
    allow(
      "QuoteServerLog",
      ["logs:DescribeLogStreams", "logs:GetLogEvents"],
      [serverLog.logGroupArn, streamsOf(stack, serverLog)],
    ),
    allow(
      "ReadSecrets",
      ["secretsmanager:GetSecretValue"],
      props.secrets.map((secret) => secret.secretArn),
    ),
    ...(props.encryptionKey === undefined
      ? []
      : [
          keyUse(stack, {
            sid: "UseKeyOfSecrets",
            service: "secretsmanager",
            keyArns: [props.encryptionKey.keyArn],
            actions: props.method.keyActions,
          }),
        ]),
    ...props.method.statements,
  ];
}
