import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";
import { RESULTS_PREFIX } from "./result-storage.ts";

export interface ResultBucketProps {
  /** Days after which results expire. */
  readonly retentionDays: number;
  /** Whether overwritten and deleted results are kept for another 30 days. @default false */
  readonly versioning?: boolean;
  /** Customer managed key. @default - S3's own keys */
  readonly encryptionKey?: kms.IKey;
}

/** How long a version stays that was overwritten or deleted. */
const VERSION_LIFE = Duration.days(30);

/** A bucket made for results: private, encrypted, TLS only, kept when its stack is deleted. */
export class ResultBucket extends Construct {
  readonly bucket: s3.Bucket;

  constructor(
    scope: Construct,
    id: string,
    { retentionDays, encryptionKey, versioning = false }: ResultBucketProps,
  ) {
    super(scope, id);
    this.bucket = new s3.Bucket(this, "Bucket", {
      // A bucket key asks KMS once for many objects.
      ...(encryptionKey === undefined
        ? { encryption: s3.BucketEncryption.S3_MANAGED }
        : { encryption: s3.BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true }),
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      // Kept, unless the first deployment fails: then it is empty, and would only stand in the way.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      ...(versioning && { versioned: true }),
      lifecycleRules: [
        {
          id: "ExpireResults",
          prefix: RESULTS_PREFIX,
          expiration: Duration.days(retentionDays),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
        // It stays when versioning is switched off: versions from before would otherwise stay for ever.
        {
          id: "ExpireVersions",
          prefix: RESULTS_PREFIX,
          noncurrentVersionExpiration: VERSION_LIFE,
          expiredObjectDeleteMarker: true,
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
}
