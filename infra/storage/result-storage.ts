import type { StorageSettings } from "@dbward-aws/settings";
import { Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";

/** Prefix under which the server keeps results. */
const RESULTS_PREFIX = "results/";

export interface ResultStorageProps {
  readonly settings: StorageSettings;
}

/** The bucket for results of requests: private, encrypted, TLS only, kept when its stack is deleted. */
export class ResultStorage extends Construct {
  readonly bucket: s3.Bucket;

  constructor(scope: Construct, id: string, props: ResultStorageProps) {
    super(scope, id);
    this.bucket = new s3.Bucket(this, "Bucket", {
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      // Kept, unless the first deployment fails: then it is empty, and would only stand in the way.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      lifecycleRules: [
        {
          id: "ExpireResults",
          prefix: RESULTS_PREFIX,
          expiration: Duration.days(props.settings.retentionDays),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
    acceptFindings(this.bucket, [
      {
        id: "AwsSolutions-S1",
        reason: "One role reads and writes it, and dbward keeps its own audit of who asked for which result.",
      },
    ]);
  }

  /** What the server does with results: objects under `results/`, and the list of that prefix. Nothing else. */
  grantResults(role: iam.IRole): void {
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: "KeepResults",
        actions: ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:PutObjectTagging"],
        resources: [this.bucket.arnForObjects(`${RESULTS_PREFIX}*`)],
      }),
    );
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: "ListResults",
        actions: ["s3:ListBucket"],
        resources: [this.bucket.bucketArn],
        conditions: { StringLike: { "s3:prefix": `${RESULTS_PREFIX}*` } },
      }),
    );
    const stack = Stack.of(this);
    const bucketId = stack.resolve(stack.getLogicalId(this.bucket.node.defaultChild as s3.CfnBucket));
    acceptFindings(role, [
      {
        id: "AwsSolutions-IAM5",
        appliesTo: [`Resource::<${bucketId}.Arn>/${RESULTS_PREFIX}*`],
        reason: "Every result is an object of its own under this prefix.",
      },
    ]);
  }
}
