import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { IConstruct } from "constructs";

export interface KeyUse {
  readonly sid: string;
  /** Service through which the keys may be used: the role can't decrypt anything else with them. */
  readonly service: "s3" | "secretsmanager" | "sns" | "ssm";
  readonly keyArns: readonly string[];
  readonly actions: readonly ("kms:Decrypt" | "kms:GenerateDataKey")[];
}

/** The statement with which a role of `scope`'s stack uses customer managed keys. */
export function keyUse(scope: IConstruct, { sid, service, keyArns, actions }: KeyUse): iam.PolicyStatement {
  const { region } = Stack.of(scope);
  return new iam.PolicyStatement({
    sid,
    actions: [...actions],
    resources: [...keyArns],
    // Partitions differ in the domain of their services.
    conditions: { StringLike: { "kms:ViaService": `${service}.${region}.amazonaws.*` } },
  });
}
