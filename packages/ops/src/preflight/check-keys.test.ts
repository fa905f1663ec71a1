import { keyPolicyStatements } from "@dbward-aws/contract";
import { describe, expect, it } from "vitest";
import { type Answers, AwsFault, type Input } from "../test-support/aws-peer.ts";
import { check, filledByPeople, keyMetadata, mistakes } from "../test-support/preflight-run.ts";

const KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555";
const OTHER = KEY.replace("5555", "6666");

/** The key of the database URL's secret. */
const underKey = (KmsKeyId: string): Answers => ({
  DescribeSecret: (input: Input) =>
    String(input.SecretId).endsWith("app-url")
      ? { ...filledByPeople(input), KmsKeyId }
      : filledByPeople(input),
});
const key = (metadata: object = {}): Answers => ({ DescribeKey: () => keyMetadata(KEY, metadata) });

describe("the key of a secret", () => {
  it.each([KEY, KEY.split("/")[1]!, "alias/acme"])(
    "is looked up, whether the secret names it as %s",
    async (id) => {
      const {
        facts: { keys },
      } = await check({}, { ...underKey(id), ...key() });
      expect(keys).toEqual({ "dbward/prod/app-url": KEY });
    },
  );

  it("is nobody's concern when it is AWS's", async () => {
    const {
      facts: { keys },
      warnings,
    } = await check({}, { ...underKey("alias/aws/secretsmanager") });
    expect([keys, warnings]).toEqual([undefined, []]);
  });

  it.each([
    ["is disabled", { KeyState: "Disabled" }, /app-url\) is disabled\. Run: aws kms enable-key/],
    ["is going", { KeyState: "PendingDeletion" }, /scheduled for deletion.*cancel-key-deletion/],
    ["has no material", { KeyState: "PendingImport" }, /can't be used: its state is PendingImport/],
    ["is asymmetric", { KeySpec: "RSA_2048" }, /is not symmetric \(RSA_2048\)/],
  ])("is refused when it %s", async (_title, metadata, expected) => {
    expect(await mistakes({}, { ...underKey(KEY), ...key(metadata) })).toEqual([
      expect.stringMatching(expected),
    ]);
  });

  it("is refused in another region", async () => {
    const elsewhere = KEY.replace("eu-central-1", "us-east-1");
    const keys = { "dbward/prod/app-url": elsewhere };
    expect(await mistakes({ encryption: { keys } }, {})).toEqual([
      expect.stringMatching(
        /encryption\.keys\.dbward\/prod\/app-url: is a key in us-east-1, and the stage is in eu-central-1/,
      ),
    ]);
  });

  it("is refused when it doesn't exist, and a warning when it can't be looked up", async () => {
    const fault = (code: string): Answers => ({
      DescribeKey: () => {
        throw new AwsFault(code, "not authorized");
      },
    });
    expect(await mistakes({}, { ...underKey(KEY), ...fault("NotFoundException") })).toEqual([
      expect.stringMatching(/doesn't exist/),
    ]);
    expect((await check({}, { ...underKey(KEY), ...fault("AccessDeniedException") })).warnings).toEqual([
      expect.stringMatching(/^Key .* \(dbward\/prod\/app-url\) could not be looked up/),
    ]);
  });

  it("must be the one that the settings name", async () => {
    const changes = { encryption: { keys: { "dbward/prod/app-url": OTHER } } };
    const DescribeKey = ({ KeyId }: Input) => ({
      KeyMetadata: { Arn: KeyId, KeyManager: "CUSTOMER", KeyState: "Enabled" },
    });
    expect(await mistakes(changes, { ...underKey(KEY), DescribeKey })).toEqual([
      expect.stringMatching(
        /^encryption\.keys says that dbward\/prod\/app-url is encrypted with .*Remove the entry/,
      ),
    ]);
  });
});

describe("the key of a parameter and of a bucket", () => {
  it("is looked up", async () => {
    const {
      facts: { keys },
    } = await check(
      {
        server: { image: { tag: "0.2.0" }, configParameter: "/dbward/server" },
        storage: { bucketName: "acme-results" },
      },
      {
        ...key(),
        GetParameters: () => ({
          Parameters: [
            {
              Name: "/dbward/server",
              Type: "SecureString",
              Value: '[[workflows]]\n[workflows.auto_approve]\nmode = "always"\n',
            },
          ],
        }),
        DescribeParameters: () => ({ Parameters: [{ Name: "/dbward/server", KeyId: "alias/acme" }] }),
        HeadBucket: () => ({ "x-amz-bucket-region": "eu-central-1" }),
        GetPublicAccessBlock: () => ({
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        }),
        GetBucketLifecycleConfiguration: () => ({ Rule: { Status: "Enabled", Expiration: { Days: 1 } } }),
        GetBucketEncryption: () => ({
          Rule: { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: KEY } },
        }),
      },
    );
    expect(keys).toEqual({ "/dbward/server": KEY, "acme-results": KEY });
  });
});

describe("a key for what the stage creates", () => {
  const changes = { encryption: { kmsKey: KEY } };
  const needed = keyPolicyStatements("prod", {
    partition: "aws",
    region: "eu-central-1",
    account: "123456789012",
    urlSuffix: "amazonaws.com",
  });
  const account = {
    Effect: "Allow",
    Principal: { AWS: "arn:aws:iam::123456789012:root" },
    Action: "kms:*",
  };
  const policy = (...Statement: object[]): Answers => ({
    ...key(),
    GetKeyPolicy: () => ({ Policy: JSON.stringify({ Statement }) }),
  });

  it("passes when its policy admits the account and the services", async () => {
    expect((await check(changes, policy(account, ...needed))).warnings).toEqual([]);
    const services = { ...account, Principal: { Service: needed.map(({ Principal }) => Principal.Service) } };
    expect((await check(changes, policy(account, services))).warnings).toEqual([]);
  });

  it("is refused without a service, with the statements to add", async () => {
    const [mistake] = await mistakes(changes, policy(account, needed[1]!));
    expect(mistake).toMatch(
      /does not admit logs\.eu-central-1\.amazonaws\.com, events\.amazonaws\.com\. Add/,
    );
    expect(mistake).toContain(JSON.stringify([needed[0], needed[2]]));
    const decryptOnly = needed.map((each) => ({ ...each, Action: "kms:Decrypt" }));
    expect(await mistakes(changes, policy(account, ...decryptOnly))).toHaveLength(1);
    const denied = needed.map((each) => ({ ...each, Effect: "Deny" }));
    expect(await mistakes(changes, policy(account, ...denied))).toHaveLength(1);
  });

  it("is warned of when IAM policies can't allow its use", async () => {
    expect((await check(changes, policy(...needed))).warnings).toEqual([
      expect.stringMatching(/does not let IAM policies allow.*arn:aws:iam::123456789012:root/),
    ]);
  });

  it("is looked at as far as that is allowed", async () => {
    const GetKeyPolicy = () => {
      throw new AwsFault("AccessDeniedException", "not authorized");
    };
    expect((await check(changes, { ...key(), GetKeyPolicy })).warnings).toEqual([
      expect.stringMatching(/could not be checked: .*It needs: \[\{"Sid":"EncryptLogGroups"/),
    ]);
  });
});
