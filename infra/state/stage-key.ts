import { keyPolicyStatements } from "@dbward-aws/contract";
import { RemovalPolicy, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";

export interface StageKeyProps {
  /** Name of the stage, by which its log groups and its topic are known. */
  readonly stage: string;
}

/**
 * A customer managed key for what a stage creates. It is kept when its stack is deleted: the file system and
 * the results, which are kept as well, can't be read without it.
 */
export class StageKey extends kms.Key {
  constructor(scope: Construct, id: string, { stage }: StageKeyProps) {
    super(scope, id, {
      description: `dbward ${stage}: file system, results, secrets, logs, messages`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    for (const statement of keyPolicyStatements(stage, Stack.of(this)))
      this.addToResourcePolicy(iam.PolicyStatement.fromJson(statement));
  }
}
