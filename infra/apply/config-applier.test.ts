import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as kms from "aws-cdk-lib/aws-kms";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import * as sns from "aws-cdk-lib/aws-sns";
import { describe, expect, it } from "vitest";
import { AgentConfig } from "../agent/agent-config.ts";
import { DbwardAgent } from "../agent/dbward-agent.ts";
import { TokenCapture } from "../capture/token-capture.ts";
import { DbwardServer } from "../server/dbward-server.ts";
import { ServerConfig } from "../server/server-config.ts";
import { ConfigApplier, type ConfigApplierProps } from "./config-applier.ts";

const KEY = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";

/** A server and an agent with configurations in SSM. */
function applied(props: Partial<ConfigApplierProps> = {}, topic = false) {
  const stack = new Stack(new App({ analyticsReporting: false }), "Stack", {
    env: { account: "111122223333", region: "eu-central-1" },
  });
  const secret = (name: string) => secretsmanager.Secret.fromSecretNameV2(stack, name, `acme/${name}`);
  const image = ecs.ContainerImage.fromRegistry("example/image:1");
  const encryptionKey = kms.Key.fromKeyArn(stack, "Key", KEY);
  const server = new DbwardServer(stack, "Server", {
    stage: "prod",
    vpc: new ec2.Vpc(stack, "Vpc", { maxAzs: 2, natGateways: 1 }),
    image,
    config: ServerConfig.fromParameter("/acme/server", { encryptionKey }),
    secrets: { SLACK: secret("slack") },
  });
  const capture = new TokenCapture(stack, "Capture", { server, agents: ["app"] });
  const agent = new DbwardAgent(stack, "App", {
    server,
    token: capture.agentToken("app"),
    image,
    config: AgentConfig.fromParameter("/acme/agent"),
    databases: [{ secret: secret("url"), cidrs: ["10.0.0.0/16"] }],
    secrets: { OTHER: ecs.Secret.fromSecretsManager(secret("other")) },
  });
  const applier = new ConfigApplier(stack, "Apply", { server, agents: [agent], capture, ...props });
  if (topic) applier.notify(new sns.Topic(stack, "Topic"), encryptionKey);
  return Template.fromStack(stack);
}

/** The statements of the function's role, by their id. */
function statementsOf(
  template: Template,
): Record<string, { Action: unknown; Resource: unknown; Condition?: unknown }> {
  const roles = template.findResources("AWS::IAM::Role", {
    Properties: { Policies: [{ PolicyName: "Apply" }] },
  });
  const policies = template.findResources("AWS::IAM::Policy", {
    Properties: { PolicyName: Match.stringLikeRegexp("^ApplyRole") },
  });
  const statements = [
    ...Object.values(roles).flatMap(({ Properties }) => Properties.Policies[0].PolicyDocument.Statement),
    ...Object.values(policies).flatMap(({ Properties }) => Properties.PolicyDocument.Statement),
  ];
  return Object.fromEntries(statements.map((statement) => [statement.Sid, statement]));
}

describe("ConfigApplier", () => {
  it("runs when one of the stage's configurations changes, after deployments, and every five minutes", () => {
    const template = applied();
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        source: ["aws.ssm"],
        "detail-type": ["Parameter Store Change"],
        detail: { name: ["/acme/server", "/acme/agent"], operation: ["Create", "Update", "Delete"] },
      },
    });
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        source: ["aws.ecs"],
        resources: [{ prefix: Match.anyValue() }],
        detail: { eventName: ["SERVICE_DEPLOYMENT_COMPLETED", "SERVICE_DEPLOYMENT_FAILED"] },
      },
    });
    template.hasResourceProperties("AWS::Events::Rule", { ScheduleExpression: "rate(5 minutes)" });
  });

  it("may see versions of the agents' secrets, and read no value of one", () => {
    const { SeeVersionsOfSecrets, ...others } = statementsOf(applied());
    const text = JSON.stringify(SeeVersionsOfSecrets!.Resource);
    expect(text).toContain("secret:acme/url-??????");
    expect(text).toContain("SecretsAgent");
    expect(text).not.toContain("slack");
    expect(JSON.stringify(others)).not.toContain("secretsmanager:");
  });

  it("watches the server's secrets only when they are to be applied", () => {
    const all = statementsOf(applied({ secrets: "all" })).SeeVersionsOfSecrets!.Resource;
    expect(JSON.stringify(all)).toContain("secret:acme/slack-??????");
    expect(statementsOf(applied({ secrets: "none" }))).not.toHaveProperty("SeeVersionsOfSecrets");
  });

  it("reads and decrypts configurations by way of SSM, also when their changes are not applied", () => {
    const template = applied({ configuration: false });
    const { ReadConfigurations, DecryptConfigurations } = statementsOf(template);
    expect(JSON.stringify(ReadConfigurations!.Resource)).toMatch(
      /parameter\/acme\/server.*parameter\/acme\/agent/,
    );
    expect(DecryptConfigurations).toMatchObject({
      Action: "kms:Decrypt",
      Resource: KEY,
      Condition: { StringLike: { "kms:ViaService": "ssm.eu-central-1.amazonaws.*" } },
    });
    expect(
      template.findResources("AWS::Events::Rule", { Properties: { EventPattern: { source: ["aws.ssm"] } } }),
    ).toEqual({});
  });

  it("publishes to the topic that it is given, and to no other", () => {
    expect(statementsOf(applied())).not.toHaveProperty("Tell");
    const { Tell, EncryptMessages } = statementsOf(applied({}, true));
    expect(Tell).toMatchObject({ Action: "sns:Publish", Resource: { Ref: expect.stringMatching(/^Topic/) } });
    expect(EncryptMessages).toMatchObject({ Resource: KEY });
  });
});
