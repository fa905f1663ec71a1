import { describe, expect, it } from "vitest";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { check, mistakes } from "../test-support/preflight-run.ts";

const changes = { storage: { bucketName: "acme-results" } };
const block = (RestrictPublicBuckets: boolean) => ({
  BlockPublicAcls: true,
  BlockPublicPolicy: true,
  IgnorePublicAcls: true,
  RestrictPublicBuckets,
});
const fault = (code: string) => () => {
  throw new AwsFault(code);
};

/** A bucket as it should be. */
const BUCKET: Answers = {
  HeadBucket: () => ({ "x-amz-bucket-region": "eu-central-1" }),
  GetPublicAccessBlock: () => block(true),
  GetBucketLifecycleConfiguration: () => ({
    Rule: { Status: "Enabled", Filter: { Prefix: "results/" }, Expiration: { Days: 30 } },
  }),
  GetBucketEncryption: () => ({
    Rule: { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } },
  }),
};

describe("an existing bucket", () => {
  it("passes when it is as results need it", async () => {
    expect((await check(changes, BUCKET)).warnings).toEqual([]);
  });

  it.each([
    [
      "is not there",
      { HeadBucket: fault("NotFound") },
      /^Bucket acme-results \(storage\.bucketName\) doesn't exist/,
    ],
    [
      "is another account's",
      { HeadBucket: fault("Forbidden") },
      /belongs to another account, or you are not allowed to read it/,
    ],
    [
      "is in another region",
      { HeadBucket: () => ({ "x-amz-bucket-region": "us-east-1" }) },
      /is in us-east-1, and the stage in eu-central-1/,
    ],
    [
      "is open in part",
      { GetPublicAccessBlock: () => block(false) },
      /put-public-access-block --bucket acme-results/,
    ],
    [
      "blocks nothing",
      { GetPublicAccessBlock: fault("NoSuchPublicAccessBlockConfiguration") },
      /does not block public access/,
    ],
  ] as [string, Answers, RegExp][])("is refused when it %s", async (_title, answers, expected) => {
    expect(await mistakes(changes, { ...BUCKET, ...answers })).toEqual([expect.stringMatching(expected)]);
  });

  it.each([
    ["no rule", fault("NoSuchLifecycleConfiguration")],
    [
      "a rule for something else",
      () => ({ Rule: { Status: "Enabled", Filter: { Prefix: "logs/" }, Expiration: { Days: 30 } } }),
    ],
    ["a rule that is off", () => ({ Rule: { Status: "Disabled", Expiration: { Days: 30 } } })],
  ])("is warned of with %s that expires results", async (_title, GetBucketLifecycleConfiguration) => {
    expect((await check(changes, { ...BUCKET, GetBucketLifecycleConfiguration })).warnings).toEqual([
      expect.stringMatching(/has no rule that expires results/),
    ]);
  });

  it("is enough with a rule for the whole bucket", async () => {
    const GetBucketLifecycleConfiguration = () => ({ Rule: { Status: "Enabled", Expiration: { Days: 30 } } });
    expect((await check(changes, { ...BUCKET, GetBucketLifecycleConfiguration })).warnings).toEqual([]);
  });

  it("of an earlier deployment is named when a new one is to be created", async () => {
    const { warnings } = await check(
      {},
      {
        HeadBucket: () => ({}),
        GetResources: () => ({
          ResourceTagMappingList: [{ ResourceARN: "arn:aws:s3:::prod-dbward-state-resultsbucket1" }],
        }),
      },
    );
    expect(warnings).toEqual([
      expect.stringMatching(
        /^Bucket prod-dbward-state-resultsbucket1 .*storage: { bucketName: "prod-dbward-state-resultsbucket1" }/,
      ),
    ]);
  });
});
