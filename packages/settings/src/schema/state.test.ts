import { describe, expect, it } from "vitest";
import { loadStage } from "../load-stage.ts";
import { mistakesOf } from "../test-support/mistakes.ts";
import { stageInput } from "../test-support/stage.ts";

const load = (changes: unknown) =>
  loadStage({ stages: { prod: stageInput(changes) } }, "prod", { root: "." });

const mistakes = (changes: unknown) => mistakesOf(() => load(changes));

const ID = "fs-0123456789abcdef0";
const EXISTING = {
  vpcId: "vpc-0123456789abcdef0",
  subnets: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
};
const KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555";

describe("an existing file system", () => {
  it("is named by its id alone, or with all of its settings", () => {
    expect(load({ state: { fileSystemId: ID } }).state).toEqual({ fileSystemId: ID });
    const state = {
      fileSystemId: ID,
      path: "/aws-backup-restore_2026-01-31T10-00-00-123Z/dbward",
      securityGroupId: "sg-01234567",
      replaces: "fs-01234567",
    };
    expect(load({ network: EXISTING, state }).state).toEqual(state);
    expect(load({}).state).toBeUndefined();
  });

  it.each([
    ["no id", {}, /^state\.fileSystemId: is missing/],
    [
      "an ARN",
      { fileSystemId: `arn:aws:elasticfilesystem:::${ID}` },
      /^state\.fileSystemId: must be the id of/,
    ],
    ["an access point's id", { fileSystemId: "fsap-01234567" }, /^state\.fileSystemId: must be the id of/],
    [
      "a file system's id as access point",
      { fileSystemId: ID, accessPointId: ID },
      /^state\.accessPointId: must be the id of an access point/,
    ],
    [
      "two directories",
      { fileSystemId: ID, accessPointId: "fsap-01234567", path: "/a" },
      /^state\.path: can't be set together with accessPointId/,
    ],
    [
      "a move to where it is",
      { fileSystemId: ID, replaces: ID },
      /^state\.replaces: is the same file system/,
    ],
    ...["dbward", "/", "/a/b/c/d/e", "/a;b", "/../a", "/a\nb"].map((path): [string, object, RegExp] => [
      `path ${JSON.stringify(path)}`,
      { fileSystemId: ID, path },
      /^state\.path: must be the path of a directory/,
    ]),
    [
      "a group's name",
      { fileSystemId: ID, securityGroupId: "nfs" },
      /^state\.securityGroupId: must be the id/,
    ],
  ])("is refused with %s", (_title, state, expected) => {
    expect(mistakes({ network: EXISTING, state })).toEqual([expect.stringMatching(expected)]);
  });

  it("can't have mount targets in a VPC that does not exist yet", () => {
    expect(mistakes({ state: { fileSystemId: ID, securityGroupId: "sg-01234567" } })).toEqual([
      expect.stringMatching(/^state\.securityGroupId: can't be set for a VPC that the deployment creates/),
    ]);
  });
});

describe("an existing bucket", () => {
  it("has the expiry that its owner sets", () => {
    expect(load({ storage: { bucketName: "acme-results" } }).storage).toMatchObject({
      bucketName: "acme-results",
    });
    expect(mistakes({ storage: { bucketName: "acme-results", retentionDays: 30 } })).toEqual([
      expect.stringMatching(/^storage\.retentionDays: has no effect on an existing bucket: .*lifecycle rule/),
    ]);
  });

  it("is refused where results are kept on the file system, and by an ARN", () => {
    expect(mistakes({ storage: { bucketName: "acme-results", backend: "local" } })).toEqual([
      expect.stringMatching(/^storage\.bucketName: has no effect with backend "local"/),
    ]);
    expect(mistakes({ storage: { bucketName: "arn:aws:s3:::acme" } })).toEqual([
      "storage.bucketName: must be the name of a bucket",
    ]);
  });
});

describe("customer managed keys", () => {
  it("encrypt what the stage creates", () => {
    expect(load({ encryption: { kmsKey: "new" } }).encryption).toEqual({ kmsKey: "new", keys: {} });
    expect(load({ encryption: { kmsKey: KEY } }).encryption.kmsKey).toBe(KEY);
    expect(load({}).encryption).toEqual({ keys: {} });
  });

  it.each(["own", "alias/dbward", KEY.replace(/key\/.*/, "alias/dbward"), KEY.slice(-36)])(
    "can't be %s: a role's policy needs the key's ARN",
    (kmsKey) => {
      expect(mistakes({ encryption: { kmsKey } })).toEqual([
        expect.stringMatching(/^encryption\.kmsKey: must be "new" or the ARN of a KMS key/),
      ]);
    },
  );

  it("begin with the partition of their region", () => {
    const [wrong, right] = [KEY.replace("eu-central-1", "cn-north-1"), "arn:aws-cn:"];
    expect(mistakes({ encryption: { kmsKey: wrong, keys: { "dbward/prod/database-url": wrong } } })).toEqual([
      expect.stringMatching(new RegExp(`^encryption\\.kmsKey: begins with "arn:aws:", .*"${right}"`)),
      expect.stringMatching(/^encryption\.keys\.dbward\/prod\/database-url: begins with "arn:aws:"/),
    ]);
  });

  it("of secrets, parameters and the bucket are found by the names in the settings", () => {
    const keys = { "dbward/prod/database-url": KEY, "acme-results": KEY, slack: KEY, "/dbward/server": KEY };
    const stage = {
      storage: { bucketName: "acme-results" },
      server: { configToml: undefined, configParameter: "/dbward/server", secrets: { SLACK: "slack" } },
    };
    expect(load({ ...stage, encryption: { keys } }).encryption.keys).toEqual(keys);
    expect(mistakes({ ...stage, encryption: { keys: { ...keys, "dbward/prod/databaseurl": KEY } } })).toEqual(
      [expect.stringMatching(/^encryption\.keys\.dbward\/prod\/databaseurl: is not the name of a secret/)],
    );
  });
});
