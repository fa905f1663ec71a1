import { RemovalPolicy } from "aws-cdk-lib";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";

export interface DbwardLogGroupProps {
  /** @default - a name that CloudFormation makes up */
  readonly logGroupName?: string;
  readonly retention: logs.RetentionDays;
  /** Customer managed key, which CloudWatch Logs must be allowed to use. @default - a key of AWS */
  readonly encryptionKey: kms.IKey | undefined;
}

/**
 * A log group that is deleted with its stack: what has to be kept is in the server's audit log, on the file
 * system.
 */
export class DbwardLogGroup extends logs.LogGroup {
  constructor(scope: Construct, id: string, { encryptionKey, ...props }: DbwardLogGroupProps) {
    super(scope, id, {
      ...props,
      ...(encryptionKey && { encryptionKey }),
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}
