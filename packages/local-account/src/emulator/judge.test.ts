import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateFlowLogsCommand, DescribeVpcsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { DescribeServicesCommand, ECSClient, RegisterTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import {
  CreatePolicyCommand,
  IAMClient,
  ListRolesCommand,
  PutRolePermissionsBoundaryCommand,
} from "@aws-sdk/client-iam";
import { CreateKeyCommand, KMSClient, PutKeyPolicyCommand } from "@aws-sdk/client-kms";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutResourcePolicyCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { GetParametersCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Credentials } from "../account/index.ts";
import type { Statement } from "../rights/policy/policy-document.ts";
import { allow, grant, makeRole } from "../rights/test-support/make-role.ts";
import { signedFetch } from "../test-support/signed-fetch.ts";
import { findPython } from "./index.ts";
import { startTestEmulator, type TestEmulator } from "./test-support/start-test-emulator.ts";

const REGION = "us-east-1";
const directory = mkdtempSync(join(tmpdir(), "rights-"));
let emulator: TestEmulator | undefined;
let iam: IAMClient;

beforeAll(async () => {
  if (process.env.CI === undefined && !(await findPython()).source) return;
  emulator = await startTestEmulator(directory);
  iam = administrator(IAMClient);
}, 120_000);
beforeEach(({ skip }) => skip(emulator === undefined, "the emulator needs Python 3.10 or later, or uv"));
afterAll(async () => {
  iam?.destroy();
  await emulator?.close();
  rmSync(directory, { recursive: true, force: true });
});

type ClientOf<C> = new (config: {
  endpoint: string;
  region: string;
  credentials: Credentials;
  maxAttempts: number;
}) => C;

function administrator<C>(Client: ClientOf<C>): C {
  const { endpoint, credentials } = emulator!;
  return new Client({ endpoint, region: REGION, credentials, maxAttempts: 1 });
}

/** A client with the keys of a role. */
function as<C>(Client: ClientOf<C>, role: string): C {
  const credentials = emulator!.judge.keysOf({ role, name: "test" });
  return new Client({ endpoint: emulator!.endpoint, region: REGION, credentials, maxAttempts: 1 });
}

/** What a call of a plain HTTP client is answered, signed with keys. */
async function http(
  service: string,
  method: string,
  path: string,
  keys: Credentials,
  body = "",
): Promise<{ status: number; text: string }> {
  const { endpoint } = emulator!;
  const answer = await signedFetch({ endpoint, service, method, path, credentials: keys, body });
  return { status: answer.status, text: await answer.text() };
}

async function secret(name: string, more = {}): Promise<string> {
  const { ARN } = await administrator(SecretsManagerClient).send(
    new CreateSecretCommand({ Name: name, SecretString: "value", ...more }),
  );
  return ARN!;
}

const read = (role: string, SecretId: string) =>
  as(SecretsManagerClient, role).send(new GetSecretValueCommand({ SecretId }));

const REFUSED = { name: "AccessDeniedException" };

describe("a role", () => {
  it("may do what its policy allows, and gets AWS's error for anything else", async () => {
    const [mine, other] = [await secret("judge/mine"), await secret("judge/other")];
    const role = await makeRole(iam, "reader", [allow(["secretsmanager:GetSecretValue"], mine)]);
    expect(await read(role, "judge/mine")).toMatchObject({ SecretString: "value" });
    await expect(read(role, other)).rejects.toMatchObject({
      ...REFUSED,
      message: `User: arn:aws:sts::000000000000:assumed-role/reader/test is not authorized to perform: secretsmanager:GetSecretValue on resource: ${other} because no identity-based policy allows the secretsmanager:GetSecretValue action`,
    });
    await grant(iam, "reader", [
      allow(["*"]),
      { Effect: "Deny", Action: "secretsmanager:*", Resource: other },
    ]);
    await expect(read(role, other)).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringMatching(/with an explicit deny in an identity-based policy$/),
    });
  });

  it("has its rights as they are now", async () => {
    const arn = await secret("judge/changing");
    const role = await makeRole(iam, "changing", []);
    await expect(read(role, arn)).rejects.toMatchObject(REFUSED);
    await grant(iam, "changing", [allow(["secretsmanager:GetSecretValue"], arn)]);
    expect(await read(role, arn)).toMatchObject({ SecretString: "value" });
    await grant(iam, "changing", []);
    await expect(read(role, arn)).rejects.toMatchObject(REFUSED);
  });

  it("that is not there may do nothing", async () => {
    const arn = await secret("judge/absent");
    await expect(read("arn:aws:iam::000000000000:role/absent", arn)).rejects.toMatchObject(REFUSED);
  });

  it("is held by its boundary", async () => {
    const arn = await secret("judge/bound");
    const role = await makeRole(iam, "bound", [allow(["*"])]);
    const { Policy } = await iam.send(
      new CreatePolicyCommand({
        PolicyName: "boundary",
        PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [allow(["s3:*"])] }),
      }),
    );
    await iam.send(
      new PutRolePermissionsBoundaryCommand({ RoleName: "bound", PermissionsBoundary: Policy!.Arn! }),
    );
    await expect(read(role, arn)).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringMatching(
        /because no permissions boundary allows the secretsmanager:GetSecretValue action$/,
      ),
    });
  });

  it("may do what a secret's own policy allows, and not what that policy denies", async () => {
    const arn = await secret("judge/own-policy");
    const role = await makeRole(iam, "guest", []);
    const put = (statement: Statement) =>
      administrator(SecretsManagerClient).send(
        new PutResourcePolicyCommand({
          SecretId: arn,
          ResourcePolicy: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }),
        }),
      );
    await put({ ...allow(["secretsmanager:GetSecretValue"]), Principal: { AWS: role } });
    expect(await read(role, arn)).toMatchObject({ SecretString: "value" });
    await grant(iam, "guest", [allow(["secretsmanager:*"])]);
    await put({ Effect: "Deny", Action: "secretsmanager:*", Resource: "*", Principal: "*" });
    await expect(read(role, arn)).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringMatching(/with an explicit deny in a resource-based policy$/),
    });
  });

  it("needs the key of a secret that is encrypted with the customer's own", async () => {
    const kms = administrator(KMSClient);
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const key = KeyMetadata!.Arn!;
    const policy = { ...allow(["kms:*"]), Principal: { AWS: "arn:aws:iam::000000000000:root" } };
    await kms.send(
      new PutKeyPolicyCommand({
        KeyId: key,
        PolicyName: "default",
        Policy: JSON.stringify({ Version: "2012-10-17", Statement: [policy] }),
      }),
    );
    const arn = await secret("judge/locked", { KmsKeyId: key });
    const role = await makeRole(iam, "locked-out", [allow(["secretsmanager:GetSecretValue"], arn)]);
    await expect(read(role, arn)).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringContaining(`is not authorized to perform: kms:Decrypt on resource: ${key}`),
    });
    const viaSecretsManager = {
      StringEquals: { "kms:ViaService": `secretsmanager.${REGION}.amazonaws.com` },
    };
    await grant(iam, "locked-out", [
      allow(["secretsmanager:GetSecretValue"], arn),
      allow(["kms:Decrypt"], key, viaSecretsManager),
    ]);
    expect(await read(role, arn)).toMatchObject({ SecretString: "value" });
  });

  it("needs the right to use a key of another account, and no more", async () => {
    const key = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555";
    const arn = await secret("judge/elsewhere", { KmsKeyId: key });
    const role = await makeRole(iam, "key-holder", [allow(["secretsmanager:GetSecretValue"], arn)]);
    await expect(read(role, arn)).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringContaining(`kms:Decrypt on resource: ${key}`),
    });
    await grant(iam, "key-holder", [
      allow(["secretsmanager:GetSecretValue"], arn),
      allow(["kms:Decrypt"], key),
    ]);
    expect(await read(role, arn)).toMatchObject({ SecretString: "value" });
  });

  it("is refused a call that has no rule, with a message of the local stage", async () => {
    const role = await makeRole(iam, "adventurer", [allow(["*"])]);
    const task = new RegisterTaskDefinitionCommand({ family: "f", containerDefinitions: [] });
    await expect(as(ECSClient, role).send(task)).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringMatching(
        /^The local stage does not know which rights ecs RegisterTaskDefinition needs/,
      ),
    });
    await expect(as(IAMClient, role).send(new ListRolesCommand({}))).rejects.toMatchObject({
      name: "AccessDenied",
    });
  });

  it("with a policy that has an unknown operator is refused, and says which", async () => {
    const arn = await secret("judge/operator");
    const role = await makeRole(iam, "puzzling", [
      allow(["secretsmanager:*"], "*", { StringMatches: { "aws:RequestedRegion": "a" } }),
    ]);
    await expect(read(role, arn)).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringContaining("The condition operator stringmatches has no rule."),
    });
  });
});

describe("a refusal has the form of the service's protocol", () => {
  let role: string;
  beforeAll(async () => {
    if (emulator) role = await makeRole(iam, "no-rights", []);
  });

  it("JSON", async () => {
    const ecs = as(ECSClient, role);
    await expect(
      ecs.send(new DescribeServicesCommand({ cluster: "c", services: ["s"] })),
    ).rejects.toMatchObject({
      ...REFUSED,
      message: expect.stringMatching(
        /ecs:DescribeServices on resource: arn:aws:ecs:us-east-1:000000000000:service\/c\/s because/,
      ),
    });
  });

  it("REST with JSON", async () => {
    await expect(as(LambdaClient, role).send(new InvokeCommand({ FunctionName: "f" }))).rejects.toMatchObject(
      REFUSED,
    );
  });

  it("EC2's", async () => {
    const ec2 = as(EC2Client, role);
    await expect(ec2.send(new DescribeVpcsCommand({}))).rejects.toMatchObject({
      name: "UnauthorizedOperation",
      message: expect.stringMatching(
        /^You are not authorized to perform this operation\. User: .* is not authorized to perform: ec2:DescribeVpcs because no/,
      ),
    });
    const flowLog = new CreateFlowLogsCommand({ ResourceIds: ["vpc-1"], ResourceType: "VPC" });
    await expect(ec2.send(flowLog)).rejects.toMatchObject({ name: "UnauthorizedOperation" });
  });

  it("S3's", async () => {
    const keys = emulator!.judge.keysOf({ role, name: "test" });
    const { status, text } = await http("s3", "GET", "/bucket/key", keys);
    expect([status, text]).toEqual([
      403,
      '<Error><Code>AccessDenied</Code><Message>User: arn:aws:sts::000000000000:assumed-role/no-rights/test is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::bucket/key" because no identity-based policy allows the s3:GetObject action</Message></Error>',
    ]);
  });

  it("a query's", async () => {
    const keys = emulator!.judge.keysOf({ role, name: "test" });
    const { status, text } = await http(
      "cloudformation",
      "POST",
      "/",
      keys,
      "Action=DescribeStacks&Version=2010-05-15",
    );
    expect([status, text]).toEqual([403, expect.stringContaining("<Code>AccessDenied</Code>")]);
  });
});

describe("a bucket's policy", () => {
  it("applies the policy of a bucket", async () => {
    const admin = emulator!.credentials;
    await http("s3", "PUT", "/judged", admin);
    await http("s3", "PUT", "/judged/open/a", admin, "text");
    await http("s3", "PUT", "/judged/shut/a", admin, "text");
    const role = await makeRole(iam, "visitor", [allow(["s3:GetObject"], "arn:aws:s3:::judged/shut/*")]);
    const keys = emulator!.judge.keysOf({ role, name: "test" });
    expect((await http("s3", "GET", "/judged/open/a", keys)).status).toBe(403);
    const statements = [
      { ...allow(["s3:GetObject"], "arn:aws:s3:::judged/open/*"), Principal: { AWS: role } },
      { Effect: "Deny", Action: "s3:*", Resource: "arn:aws:s3:::judged/shut/*", Principal: "*" },
      {
        Effect: "Deny",
        Action: "s3:*",
        Resource: "*",
        Principal: "*",
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ];
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: statements });
    expect((await http("s3", "PUT", "/judged?policy", admin, policy)).status).toBeLessThan(300);
    expect(await http("s3", "GET", "/judged/open/a", keys)).toEqual({ status: 200, text: "text" });
    expect((await http("s3", "GET", "/judged/shut/a", keys)).text).toContain(
      "explicit deny in a resource-based policy",
    );
  });
});

describe("STS", () => {
  const form = (parameters: Record<string, string>) =>
    new URLSearchParams({ Version: "2011-06-15", ...parameters }).toString();
  const identity = (keys: Credentials) =>
    http("sts", "POST", "/", keys, form({ Action: "GetCallerIdentity" }));
  const assume = (keys: Credentials, RoleArn: string) =>
    http("sts", "POST", "/", keys, form({ Action: "AssumeRole", RoleArn, RoleSessionName: "me" }));

  it("answers GetCallerIdentity for every caller", async () => {
    const role = await makeRole(iam, "any-role", []);
    const { text } = await identity(emulator!.judge.keysOf({ role, name: "test" }));
    expect(text).toContain("<Arn>arn:aws:sts::000000000000:assumed-role/any-role/test</Arn>");
    expect((await identity(emulator!.credentials)).text).toContain("<Account>000000000000</Account>");
  });

  it("lets only principals of the trust policy assume a role", async () => {
    const PolicyDocument = { Version: "2012-10-17", Statement: [allow(["secretsmanager:GetSecretValue"])] };
    const trust = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { AWS: "000000000000" } };
    const query = form({
      Action: "CreateRole",
      RoleName: "taken",
      AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [trust] }),
    });
    await http("iam", "POST", "/", emulator!.credentials, query.replace("2011-06-15", "2010-05-08"));
    await grant(iam, "taken", PolicyDocument.Statement);
    const arn = "arn:aws:iam::000000000000:role/taken";
    const { status, text } = await assume(emulator!.credentials, arn);
    expect(status, text).toBe(200);
    const element = (name: string) => new RegExp(`<${name}>([^<]*)<`).exec(text)![1]!;
    const keys = {
      accessKeyId: element("AccessKeyId"),
      secretAccessKey: element("SecretAccessKey"),
      sessionToken: element("SessionToken"),
    };
    expect((await identity(keys)).text).toContain("assumed-role/taken/me</Arn>");

    const outsider = emulator!.judge.keysOf({ role: await makeRole(iam, "outsider", []), name: "test" });
    expect(await assume(outsider, arn)).toEqual({
      status: 403,
      text: expect.stringContaining(
        "User: arn:aws:sts::000000000000:assumed-role/outsider/test is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::000000000000:role/taken",
      ),
    });
    // A role that only a service may take.
    expect((await assume(emulator!.credentials, await makeRole(iam, "of-tasks", []))).status).toBe(403);
  });
});

describe("parameters", () => {
  it("of an own key need the key", async () => {
    const { KeyMetadata } = await administrator(KMSClient).send(new CreateKeyCommand({}));
    const KeyId = KeyMetadata!.Arn!;
    await administrator(SSMClient).send(
      new PutParameterCommand({ Name: "/judge/locked", Value: "value", Type: "SecureString", KeyId }),
    );
    const role = await makeRole(iam, "parameter-reader", [allow(["ssm:GetParameters"])]);
    const ask = as(SSMClient, role).send(
      new GetParametersCommand({ Names: ["/judge/locked"], WithDecryption: true }),
    );
    await expect(ask).rejects.toMatchObject({ ...REFUSED, message: expect.stringContaining("kms:Decrypt") });
  });
});

it("writes down which rights each role has used", async () => {
  const role = await makeRole(iam, "busy", [allow(["logs:CreateLogGroup"])]);
  const logs = as(CloudWatchLogsClient, role);
  await logs.send(new CreateLogGroupCommand({ logGroupName: "/busy" }));
  await expect(
    as(ECSClient, role).send(new DescribeServicesCommand({ services: ["s"] })),
  ).rejects.toMatchObject(REFUSED);
  const file = join(directory, "rights.json");
  await expect
    .poll(() => JSON.parse(readFileSync(file, "utf8")).busy, { timeout: 60_000 })
    .toEqual({
      "logs:CreateLogGroup": { allowed: 1, refused: 0 },
      "ecs:DescribeServices": { allowed: 0, refused: 1 },
    });
});
