import {
  GetBucketLifecycleConfigurationCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  type LifecycleRule,
  type S3ServiceException,
} from "@aws-sdk/client-s3";
import type { StageSettings } from "@dbward-aws/settings";
import { AwsCallError, type AwsClients, ifThere } from "@dbward-aws/stage";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

const ALL_BLOCKED =
  "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true";

/** An existing bucket for results must be in this account and region, block public access, and expire results. */
export async function checkBucket(
  settings: StageSettings,
  clients: AwsClients,
  region: string,
  findings: PreflightFindings,
): Promise<void> {
  const { bucketName } = settings.storage;
  if (bucketName === undefined || !(await isUsable(bucketName, clients, region, findings))) return;
  await Promise.all([
    unlessDenied(
      `Whether bucket ${bucketName} blocks public access`,
      "s3:GetBucketPublicAccessBlock",
      findings,
      () => checkPublicAccess(bucketName, clients, region, findings),
    ),
    unlessDenied(
      `Whether bucket ${bucketName} expires results`,
      "s3:GetLifecycleConfiguration",
      findings,
      () => checkExpiry(bucketName, clients, findings),
    ),
  ]);
}

async function isUsable(
  bucket: string,
  { s3 }: AwsClients,
  region: string,
  findings: PreflightFindings,
): Promise<boolean> {
  const name = `Bucket ${bucket} (storage.bucketName)`;
  try {
    const { BucketRegion = region } = await s3.send(new HeadBucketCommand({ Bucket: bucket }));
    if (BucketRegion === region) return true;
    findings.refuse(`${name} is in ${BucketRegion}, and the stage in ${region}: name a bucket there`);
  } catch (error) {
    const { $metadata, $response } = error as S3ServiceException;
    const status = $metadata?.httpStatusCode;
    const home = $response?.headers["x-amz-bucket-region"];
    if (status === 404) findings.refuse(`${name} doesn't exist`);
    else if (home !== undefined && home !== region)
      findings.refuse(`${name} is in ${home}, and the stage in ${region}: name a bucket there`);
    else if (status === 403)
      findings.refuse(
        `${name} belongs to another account, or you are not allowed to read it (s3:ListBucket)`,
      );
    else throw new AwsCallError(`Looking up bucket ${bucket}`, error);
  }
  return false;
}

async function checkPublicAccess(
  bucket: string,
  { s3 }: AwsClients,
  region: string,
  findings: PreflightFindings,
): Promise<void> {
  const found = await ifThere(
    `Reading the public access block of bucket ${bucket}`,
    s3.send(new GetPublicAccessBlockCommand({ Bucket: bucket })),
    "NoSuchPublicAccessBlockConfiguration",
  );
  const block = found?.PublicAccessBlockConfiguration;
  if (
    block?.BlockPublicAcls &&
    block.BlockPublicPolicy &&
    block.IgnorePublicAcls &&
    block.RestrictPublicBuckets
  )
    return;
  findings.refuse(
    `Bucket ${bucket} (storage.bucketName) does not block public access, and it would hold the results of queries. Run: ` +
      `aws s3api put-public-access-block --bucket ${bucket} --public-access-block-configuration ${ALL_BLOCKED} --region ${region}`,
  );
}

async function checkExpiry(bucket: string, { s3 }: AwsClients, findings: PreflightFindings): Promise<void> {
  const found = await ifThere(
    `Reading the lifecycle rules of bucket ${bucket}`,
    s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket })),
    "NoSuchLifecycleConfiguration",
  );
  if ((found?.Rules ?? []).some(expiresResults)) return;
  findings.warn(
    `Bucket ${bucket} (storage.bucketName) has no rule that expires results: they are kept forever. Add a lifecycle rule for the ` +
      "prefix results/",
  );
}

function expiresResults({ Status, Expiration, Filter, Prefix }: LifecycleRule): boolean {
  const prefix = Filter?.Prefix ?? Filter?.And?.Prefix ?? Prefix ?? "";
  return Status === "Enabled" && Expiration?.Days !== undefined && "results/".startsWith(prefix);
}
