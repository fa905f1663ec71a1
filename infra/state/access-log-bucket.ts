import { Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";

/** Days for which access logs are kept. */
const ACCESS_LOG_DAYS = 90;

/**
 * The bucket of a load balancer's access logs. It outlives the load balancer, and its contents expire.
 *
 * It belongs to the stack of the state, not to the load balancer's: a load balancer writes an object when it
 * is created, so that a failed first deployment of its stack could not delete the bucket, and each further
 * try would leave another one.
 */
export class AccessLogBucket extends Construct {
  readonly bucket: s3.Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bucket = new s3.Bucket(this, "Bucket", {
      // The one encryption that the log delivery can write with.
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      lifecycleRules: [{ id: "ExpireLogs", expiration: Duration.days(ACCESS_LOG_DAYS) }],
    });
    acceptFindings(this.bucket, [
      { id: "AwsSolutions-S1", reason: "It is a bucket for logs: its own would fill another one." },
    ]);
    const stack = Stack.of(this);
    this.bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: "AccessLogDelivery",
        principals: [new iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
        actions: ["s3:PutObject"],
        resources: [this.bucket.arnForObjects(`AWSLogs/${stack.account}/*`)],
        conditions: {
          ArnLike: {
            "aws:SourceArn": stack.formatArn({
              service: "elasticloadbalancing",
              resource: "loadbalancer",
              resourceName: "*",
            }),
          },
        },
      }),
    );
  }
}
