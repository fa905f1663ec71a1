import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { statements, templates } from "../test-support/synth.ts";

const { state } = templates({ storage: { backend: "s3", retentionDays: 30, versioning: false } });

describe("Storage", () => {
  it("S3 bucket: AES256", () => {
    state.hasResourceProperties("AWS::S3::Bucket", {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
      },
    });
  });

  it("all public access blocked, bucket owner enforced", () => {
    state.hasResourceProperties("AWS::S3::Bucket", {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
    });
  });

  it("objects under results/ expire after RetentionDays (30)", () => {
    state.hasResourceProperties("AWS::S3::Bucket", {
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({ Prefix: "results/", ExpirationInDays: 30, Status: "Enabled" }),
        ]),
      },
    });
  });

  it("versions by setting, and versions from before expire with and without it", () => {
    const versioned = templates({ storage: { backend: "s3", retentionDays: 30, versioning: true } }).state;
    versioned.hasResourceProperties("AWS::S3::Bucket", { VersioningConfiguration: { Status: "Enabled" } });
    state.hasResourceProperties("AWS::S3::Bucket", { VersioningConfiguration: Match.absent() });
    for (const template of [state, versioned])
      template.hasResourceProperties("AWS::S3::Bucket", {
        LifecycleConfiguration: {
          Rules: Match.arrayWith([
            Match.objectLike({
              Prefix: "results/",
              NoncurrentVersionExpiration: { NoncurrentDays: 30 },
              ExpiredObjectDeleteMarker: true,
              Status: "Enabled",
            }),
          ]),
        },
      });
  });

  it("a policy that denies plain HTTP", () => {
    state.hasResourceProperties("AWS::S3::BucketPolicy", {
      PolicyDocument: {
        Statement: [
          Match.objectLike({
            Effect: "Deny",
            Action: "s3:*",
            Principal: { AWS: "*" },
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          }),
        ],
      },
    });
  });

  it("retained on delete", () => {
    state.hasResource("AWS::S3::Bucket", {
      DeletionPolicy: "RetainExceptOnCreate",
      UpdateReplacePolicy: "Retain",
    });
  });

  it("S3 Put/Get/Delete/PutObjectTagging on results/* and ListBucket with that prefix, and nothing else", () => {
    const s3 = statements(state, /^ServerTaskRole/).filter(({ Action }) =>
      JSON.stringify(Action).includes("s3:"),
    );
    expect(s3).toEqual([
      {
        Sid: "KeepResults",
        Effect: "Allow",
        Action: ["s3:DeleteObject", "s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"],
        Resource: {
          "Fn::Join": ["", [expect.objectContaining({ "Fn::GetAtt": expect.anything() }), "/results/*"]],
        },
      },
      {
        Sid: "ListResults",
        Effect: "Allow",
        Action: "s3:ListBucket",
        Condition: { StringLike: { "s3:prefix": "results/*" } },
        Resource: { "Fn::GetAtt": [expect.stringMatching(/^ResultsBucket/), "Arn"] },
      },
    ]);
  });

  it("an existing bucket is not created, and the server gets the same rights", () => {
    const existing = templates({
      storage: { backend: "s3", retentionDays: 30, versioning: false, bucketName: "acme-results" },
    });
    existing.state.resourceCountIs("AWS::S3::Bucket", 0);
    const s3 = statements(existing.state, /^ServerTaskRole/).filter(({ Action }) =>
      JSON.stringify(Action).includes("s3:"),
    );
    expect(s3.map(({ Resource }) => Resource)).toEqual([
      "arn:aws:s3:::acme-results/results/*",
      "arn:aws:s3:::acme-results",
    ]);
    expect(JSON.stringify(existing.server.toJSON())).toContain('bucket = \\"acme-results\\"');
  });

  it("ResultStorageBackend local makes no bucket and gives no right to one", () => {
    const local = templates({ storage: { backend: "local", retentionDays: 30, versioning: false } });
    local.state.resourceCountIs("AWS::S3::Bucket", 0);
    expect(JSON.stringify(local.state.toJSON())).not.toContain("s3:");
    expect(JSON.stringify(local.server.toJSON())).toContain('backend = \\"local\\"');
  });
});
