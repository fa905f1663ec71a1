import { describe, expect, it } from "vitest";
import { agentSettings, serverSettings } from "../test-support/settings.ts";
import { only, statements, templates } from "../test-support/synth.ts";

const KEY = "arn:aws:kms:eu-central-1:111111111111:key/11111111-2222-3333-4444-555555555555";
const foreign = templates({
  encryption: { kmsKey: KEY, keys: {} },
  server: serverSettings({ loadBalancer: { scheme: "internal", allowedCidrs: [] } }),
});
const own = templates({ encryption: { kmsKey: "new", keys: {} } });

/** The first statement of a role that is about KMS. */
function ofKey(found: readonly { readonly Action: string | string[] }[]) {
  return found.find(({ Action }) => [Action].flat().some((action) => action.startsWith("kms:")));
}

describe("a customer managed key", () => {
  it("encrypts everything that the stage creates and that takes one", () => {
    expect(only(foreign.state, "AWS::EFS::FileSystem").KmsKeyId).toBe(KEY);
    expect(
      only(foreign.state, "AWS::S3::Bucket", /^Results/).BucketEncryption.ServerSideEncryptionConfiguration,
    ).toEqual([
      {
        BucketKeyEnabled: true,
        ServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: KEY },
      },
    ]);
    const keys = [foreign.state, foreign.server, foreign.agents, foreign.monitoring].flatMap((template) =>
      ["AWS::SecretsManager::Secret", "AWS::Logs::LogGroup"].flatMap((type) =>
        Object.entries(template.findResources(type)).map(([id, { Properties }]) => [id, Properties.KmsKeyId]),
      ),
    );
    expect(keys.length).toBeGreaterThanOrEqual(7);
    expect(keys.filter(([, key]) => key !== KEY)).toEqual([]);
    expect(only(foreign.monitoring, "AWS::SNS::Topic").KmsMasterKeyId).toBe(KEY);
    foreign.monitoring.resourceCountIs("AWS::KMS::Key", 0);
  });

  it("leaves the load balancer's log with S3's keys, the only ones that the log delivery writes with", () => {
    expect(JSON.stringify(only(foreign.state, "AWS::S3::Bucket", /^AccessLogs/).BucketEncryption)).toContain(
      "AES256",
    );
  });

  it("of the stage is kept with what it encrypts, and may be used by the log, the alarms and the events", () => {
    own.state.hasResource("AWS::KMS::Key", {
      DeletionPolicy: "RetainExceptOnCreate",
      UpdateReplacePolicy: "Retain",
    });
    const { KeyPolicy, EnableKeyRotation } = only(own.state, "AWS::KMS::Key");
    expect(EnableKeyRotation).toBe(true);
    const services = KeyPolicy.Statement.map(({ Principal }: { Principal: object }) => Principal);
    expect(JSON.stringify(services)).toMatch(
      /:root.*logs\.eu-central-1.*cloudwatch\.amazonaws.*events\.amazonaws/,
    );
  });

  it("may be used by the roles that read and write what it encrypts, by way of that service alone", () => {
    const via = (service: string) => ({
      StringLike: { "kms:ViaService": `${service}.eu-central-1.amazonaws.*` },
    });
    const server = statements(foreign.state, /^ServerTaskRole/);
    expect(ofKey(server)).toMatchObject({
      Action: ["kms:Decrypt", "kms:GenerateDataKey"],
      Resource: KEY,
      Condition: via("s3"),
    });
    const decrypt = { Action: "kms:Decrypt", Resource: KEY, Condition: via("secretsmanager") };
    expect(ofKey(statements(foreign.agents, /^Agentapp.*ExecutionRole/))).toMatchObject(decrypt);
    const inline = (name: keyof typeof foreign, role: RegExp) =>
      only(foreign[name], "AWS::IAM::Role", role).Policies[0].PolicyDocument.Statement;
    expect(ofKey(inline("monitoring", /^PollerRole/))).toMatchObject(decrypt);
    expect(ofKey(inline("server", /^TokenCaptureRole/))).toMatchObject({
      ...decrypt,
      Action: ["kms:Decrypt", "kms:GenerateDataKey"],
    });
    // It starts without any secret of the stage.
    expect(ofKey(statements(foreign.server, /^ServerTaskExecutionRole/))).toBeUndefined();
  });

  it("is used by the capture task where that one writes the secrets", () => {
    const task = templates({
      encryption: { kmsKey: KEY, keys: {} },
      capture: { method: "task", allowSessionLogging: false },
    });
    expect(ofKey(statements(task.state, /^CaptureTaskRole/))?.Action).toEqual([
      "kms:Decrypt",
      "kms:GenerateDataKey",
    ]);
  });

  it("is not there unless the settings say so", () => {
    const plain = templates();
    for (const template of [plain.state, plain.server, plain.agents])
      expect(JSON.stringify(template.toJSON())).not.toMatch(/kms/i);
  });
});

describe("keys of what a person made", () => {
  const key = (last: number) => `${KEY.slice(0, -1)}${last}`;
  const { server, agents, state } = templates({
    server: serverSettings({
      config: { source: "ssm", parameter: "/dbward/server" },
      licenseKeySecret: "licence",
      secrets: { SLACK: "slack" },
    }),
    agents: [agentSettings(), agentSettings({ name: "reports", secrets: { EXTRA: "extra" } })],
    storage: { backend: "s3", retentionDays: 30, versioning: false, bucketName: "acme-results" },
    encryption: {
      keys: {
        "/dbward/server": key(1),
        licence: key(2),
        slack: key(2),
        extra: key(3),
        "acme-results": key(4),
      },
    },
  });

  it("may be used by the execution role of the task that reads them, and by no other", () => {
    const keys = statements(server, /^ServerTaskExecutionRole/).filter(({ Sid }) => /^Decrypt/.test(Sid));
    expect(keys.map(({ Sid, Action, Resource }) => [Sid, Action, Resource])).toEqual([
      ["DecryptSecrets", "kms:Decrypt", key(2)],
      ["DecryptParameters", "kms:Decrypt", key(1)],
    ]);
    expect(ofKey(statements(agents, /^Agentapp.*ExecutionRole/))).toBeUndefined();
    expect(ofKey(statements(agents, /^Agentreports.*ExecutionRole/))).toMatchObject({ Resource: key(3) });
  });

  it("and the bucket's by the server", () => {
    expect(ofKey(statements(state, /^ServerTaskRole/))).toMatchObject({ Resource: key(4) });
  });
});
