import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as s3 from "aws-cdk-lib/aws-s3";
import { acceptFindings } from "../accept-finding.ts";
import { keyUse } from "./key-use.ts";

/** Prefix under which the server keeps results. */
export const RESULTS_PREFIX = "results/";

/** Where the server keeps the results of requests. */
export class ResultStorage {
  readonly bucket: s3.IBucket;

  private constructor(bucket: s3.IBucket) {
    this.bucket = bucket;
  }

  /**
   * A bucket: that of a `ResultBucket`, or one that exists. The server may use its `encryptionKey` as well.
   */
  static bucket(bucket: s3.IBucket): ResultStorage {
    return new ResultStorage(bucket);
  }

  /** Grants what the server does with results: objects under `results/`, and the list of that prefix. */
  grantReadWrite(role: iam.IRole): void {
    const { bucket } = this;
    const stack = Stack.of(bucket);
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: "KeepResults",
        actions: ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:PutObjectTagging"],
        resources: [bucket.arnForObjects(`${RESULTS_PREFIX}*`)],
      }),
    );
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: "ListResults",
        actions: ["s3:ListBucket"],
        resources: [bucket.bucketArn],
        conditions: { StringLike: { "s3:prefix": `${RESULTS_PREFIX}*` } },
      }),
    );
    if (bucket.encryptionKey !== undefined)
      role.addToPrincipalPolicy(
        keyUse(stack, {
          sid: "EncryptResults",
          service: "s3",
          keyArns: [bucket.encryptionKey.keyArn],
          actions: ["kms:Decrypt", "kms:GenerateDataKey"],
        }),
      );
    acceptFindings(role, [
      {
        id: "AwsSolutions-IAM5",
        appliesTo: [`Resource::${shownArn(bucket)}/${RESULTS_PREFIX}*`],
        reason: "Every result is an object of its own under this prefix.",
      },
    ]);
  }
}

/** A bucket's ARN as cdk-nag writes it. */
function shownArn(bucket: s3.IBucket): string {
  const stack = Stack.of(bucket);
  const resource = bucket.node.defaultChild as s3.CfnBucket | undefined;
  if (resource !== undefined) return `<${stack.resolve(stack.getLogicalId(resource))}.Arn>`;
  const arn: unknown = stack.resolve(bucket.bucketArn);
  return typeof arn === "string" ? arn : `arn:<AWS::Partition>:s3:::${bucket.bucketName}`;
}
