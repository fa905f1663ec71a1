import { parse } from "shell-quote";
import { describe, expect, it } from "vitest";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { EMPTY_ACCOUNT } from "../test-support/empty-account.ts";
import { ops, withAws } from "../test-support/ops-run.ts";

const BUCKET = "prod-dbward-state-resultsbucket1";
const TLS_ONLY = { Sid: "TlsOnly", Effect: "Deny", Principal: { AWS: "*" }, Action: "s3:*" };
const arn = (name: string) => `arn:aws:iam::123456789012:role/${name}`;
const ROLES: Readonly<Record<string, string>> = { server: arn("path/server"), admin: arn("admin") };
const EXEC_ROLE = arn("cdk-cfn-exec");

function account(bucket: string | undefined, policy: () => string): Answers {
  return {
    ...EMPTY_ACCOUNT,
    GetCallerIdentity: () => ({
      Account: "123456789012",
      Arn: "arn:aws:sts::123456789012:assumed-role/admin/me",
      UserId: "me",
    }),
    DescribeStacks: (input) =>
      input.StackName === "prod-dbward-State"
        ? {
            Stacks: [
              {
                StackName: input.StackName,
                StackStatus: "CREATE_COMPLETE",
                RoleARN: EXEC_ROLE,
                CreationTime: "2026-01-01T00:00:00Z",
                Outputs: bucket ? [{ OutputKey: "BucketName", OutputValue: bucket }] : [],
              },
            ],
          }
        : EMPTY_ACCOUNT.DescribeStacks!(input),
    ListStackResources: () => ({
      StackResourceSummaries: [
        {
          LogicalResourceId: "ServerTaskRole123",
          ResourceType: "AWS::IAM::Role",
          PhysicalResourceId: "server",
          ResourceStatus: "CREATE_COMPLETE",
          LastUpdatedTimestamp: "2026-01-01T00:00:00Z",
        },
      ],
    }),
    GetRole: ({ RoleName }) => ({ Role: { RoleName, Arn: ROLES[String(RoleName)] } }),
    GetBucketPolicy: policy,
  };
}

const withPolicy =
  (...Statement: object[]) =>
  () =>
    JSON.stringify({ Version: "2012-10-17", Statement });

describe("ops bucket-policy", () => {
  it("prints a command that adds the statement to the policy that is there", async () => {
    await withAws(account(BUCKET, withPolicy(TLS_ONLY)));
    const { code, out, err } = await ops(`bucket-policy --allow ${arn("audit")},${arn("backup")}`);
    expect(code, err).toBe(0);
    expect(out.trim()).not.toContain("\n");
    const words = parse(out.trim()) as string[];
    expect(words.slice(0, -1)).toEqual(
      `aws s3api put-bucket-policy --region eu-central-1 --bucket ${BUCKET} --policy`.split(" "),
    );
    expect(JSON.parse(words.at(-1)!)).toEqual({
      Version: "2012-10-17",
      Statement: [
        TLS_ONLY,
        {
          Sid: "DenyAccessExceptAllowedPrincipals",
          Effect: "Deny",
          Principal: "*",
          Action: "s3:*",
          Resource: [`arn:aws:s3:::${BUCKET}`, `arn:aws:s3:::${BUCKET}/*`],
          Condition: {
            ArnNotEquals: {
              "aws:PrincipalArn": [
                arn("path/server"),
                arn("admin"),
                EXEC_ROLE,
                "arn:aws:iam::123456789012:root",
                arn("audit"),
                arn("backup"),
              ],
            },
          },
        },
      ],
    });
    expect(err).toContain(`- ${arn("path/server")}`);
    expect(err).toContain("To take it back: aws s3api put-bucket-policy");
  });

  it("replaces its own statement, and takes back what it was alone", async () => {
    const own = { Sid: "DenyAccessExceptAllowedPrincipals", Effect: "Deny" };
    await withAws(account(BUCKET, withPolicy(own)));
    const again = JSON.parse((parse((await ops("bucket-policy")).out.trim()) as string[]).at(-1)!) as {
      Statement: object[];
    };
    expect(again.Statement).toHaveLength(1);
    const noPolicy = () => {
      throw new AwsFault("NoSuchBucketPolicy");
    };
    await withAws(account(BUCKET, noPolicy));
    const { err } = await ops("bucket-policy");
    expect(err).toContain(
      `To take it back: aws s3api delete-bucket-policy --region eu-central-1 --bucket ${BUCKET}`,
    );
  });

  it("says that there is no bucket, or no stage", async () => {
    await withAws(account(undefined, withPolicy()));
    expect(await ops("bucket-policy")).toMatchObject({
      code: 1,
      err: expect.stringContaining("has no bucket"),
    });
    await withAws(EMPTY_ACCOUNT);
    expect(await ops("bucket-policy")).toMatchObject({
      code: 1,
      err: expect.stringContaining("is not deployed"),
    });
  });
});
