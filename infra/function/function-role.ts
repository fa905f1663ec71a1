import * as iam from "aws-cdk-lib/aws-iam";
import type * as logs from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";

export interface FunctionRoleProps {
  readonly description: string;
  /** Name of the inline policy. */
  readonly policyName: string;
  /** The function's own log. */
  readonly logGroup: logs.ILogGroup;
  /** Sid of the statement that allows writing the log. @default "WriteLog" */
  readonly writeLogSid?: string;
  /** What the function may do besides writing its log. */
  readonly statements: readonly iam.PolicyStatement[];
  /** Why statements have wildcards in their resources: whole sentences, for the reader of the template. */
  readonly wildcards: string;
  /** The wildcards that are accepted, such as `Resource::*`. @default - all */
  readonly acceptedWildcards?: readonly string[];
}

/**
 * Role of a function. Its statements are inline: the function has them from its first run on, and they are not
 * deleted before the role is.
 */
export class FunctionRole extends iam.Role {
  constructor(scope: Construct, id: string, props: FunctionRoleProps) {
    super(scope, id, {
      description: props.description,
      assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
      inlinePolicies: {
        [props.policyName]: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({
              sid: props.writeLogSid ?? "WriteLog",
              actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
              resources: [props.logGroup.logGroupArn],
            }),
            ...props.statements,
          ],
        }),
      },
    });
    acceptFindings(this, [
      {
        id: "AwsSolutions-IAM5",
        reason: props.wildcards,
        ...(props.acceptedWildcards && { appliesTo: props.acceptedWildcards }),
      },
    ]);
  }
}
