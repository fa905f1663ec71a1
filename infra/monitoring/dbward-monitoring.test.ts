import { POLLER_ENVIRONMENT, stageNames } from "@dbward-aws/contract";
import { App, Aspects, Stack } from "aws-cdk-lib";
import { Annotations, Match, Template } from "aws-cdk-lib/assertions";
import * as sns from "aws-cdk-lib/aws-sns";
import { AwsSolutionsChecks } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { AlarmTopic } from "./alarm-topic.ts";
import { Receiver } from "./receiver.ts";
import { monitoredStage, type StageOptions } from "./test-support/monitored-stage.ts";

interface KeyStatement {
  readonly Principal: unknown;
  readonly Condition: { readonly StringEquals: object };
}

const synthesised = (options: StageOptions = {}) => Template.fromStack(monitoredStage(options).stack);
const template = synthesised({
  loadBalancer: true,
  agents: ["app", "billing"],
  monitoring: {
    receivers: [Receiver.email("ops@example.com"), Receiver.https("https://hooks.example.com/dbward")],
  },
});

/** The statements of the poller's role, by their id. */
function pollerStatements(of: Template): Record<string, Record<string, unknown>> {
  const [role] = Object.values(of.findResources("AWS::IAM::Role"));
  const statements = role!.Properties.Policies[0].PolicyDocument.Statement as { Sid: string }[];
  return Object.fromEntries(statements.map((statement) => [statement.Sid, statement]));
}

describe("cdk-nag", () => {
  it.each<[string, StageOptions]>([
    [
      "with NAT gateways",
      { loadBalancer: true, monitoring: { receivers: [Receiver.email("ops@example.com")] } },
    ],
    ["with public addresses", { assignPublicIp: true }],
    ["with embedded metrics", { monitoring: { publisher: "emf" } }],
  ])("finds nothing %s", (_name, options) => {
    const { app, stack } = monitoredStage(options);
    Aspects.of(stack).add(new AwsSolutionsChecks());
    app.synth();
    const findings = [
      ...Annotations.fromStack(stack).findError("*", Match.stringLikeRegexp("AwsSolutions-.*")),
      ...Annotations.fromStack(stack).findWarning("*", Match.stringLikeRegexp("AwsSolutions-.*")),
    ];
    expect(findings.map(({ id, entry }) => `${id}: ${entry.data}`)).toEqual([]);
  });
});

describe("the poller", () => {
  it("runs once a minute by an EventBridge rule, and ends before the next", () => {
    template.hasResourceProperties("AWS::Events::Rule", { ScheduleExpression: "rate(1 minute)" });
    template.resourceCountIs("AWS::Scheduler::Schedule", 0);
    template.hasResourceProperties("AWS::Lambda::Function", {
      Runtime: "nodejs22.x",
      // A small account has no concurrency to reserve.
      ReservedConcurrentExecutions: Match.absent(),
      Timeout: 45,
    });
    template.hasResourceProperties("AWS::Lambda::EventInvokeConfig", { MaximumRetryAttempts: 0 });
    template.hasResourceProperties("AWS::Logs::LogGroup", { RetentionInDays: 14 });
  });

  it("starts when its ways are open", () => {
    const [rule] = Object.values(
      template.findResources("AWS::Events::Rule", { Properties: { ScheduleExpression: "rate(1 minute)" } }),
    );
    expect(rule?.DependsOn).toContainEqual(expect.stringMatching(/^PollerServerFromPoller/));
  });

  it("knows the stage's agents by the subjects of their tokens", () => {
    template.hasResourceProperties("AWS::Lambda::Function", {
      Environment: { Variables: Match.objectLike({ [POLLER_ENVIRONMENT.agents]: "app=agent:1,billing:1" }) },
    });
  });

  it("gets every variable of the contract", () => {
    const [{ Properties }] = Object.values(template.findResources("AWS::Lambda::Function")) as [
      { Properties: { Environment: { Variables: object } } },
    ];
    expect(Object.keys(Properties.Environment.Variables).sort()).toEqual(
      Object.values(POLLER_ENVIRONMENT).sort(),
    );
  });

  it("reaches the server by the capture's URL when it has one of its own", () => {
    const url = "http://127.0.0.1:1";
    synthesised({ serverUrl: url }).hasResourceProperties("AWS::Lambda::Function", {
      Environment: { Variables: Match.objectLike({ [POLLER_ENVIRONMENT.serverUrl]: url }) },
    });
  });

  it("may go to the server, to HTTPS and to DNS, and nowhere else", () => {
    const [{ Properties }] = Object.values(template.findResources("AWS::EC2::SecurityGroup")) as [
      { Properties: { SecurityGroupEgress: { FromPort: number; IpProtocol: string }[] } },
    ];
    expect(
      Properties.SecurityGroupEgress.map(({ FromPort, IpProtocol }) => `${FromPort}/${IpProtocol}`),
    ).toEqual(["3000/tcp", "443/tcp", "53/tcp", "53/udp"]);
    template.hasResourceProperties("AWS::EC2::SecurityGroupIngress", { FromPort: 3000, ToPort: 3000 });
  });

  it("may publish in its own namespace, count these services, and read its own token", () => {
    const statements = pollerStatements(template);
    expect(statements.PublishMetrics).toMatchObject({
      Action: "cloudwatch:PutMetricData",
      Condition: { StringEquals: { "cloudwatch:namespace": "Dbward" } },
    });
    expect(statements.CountTasks).toMatchObject({ Action: "ecs:DescribeServices" });
    expect(statements.CountTasks!.Resource).toHaveLength(3);
    expect(statements.ReadToken).toMatchObject({ Action: "secretsmanager:GetSecretValue" });
    expect(statements.CodeMakesNoNetworkInterfaces).toMatchObject({ Effect: "Deny" });
  });

  it("may not publish by API what it publishes through its log", () => {
    expect(pollerStatements(synthesised({ monitoring: { publisher: "emf" } }))).not.toHaveProperty(
      "PublishMetrics",
    );
  });

  it("goes before its security group, and that before its role: its network interfaces need both", () => {
    const roles = Object.keys(template.findResources("AWS::IAM::Role"));
    const [group, groupResource] = Object.entries(template.findResources("AWS::EC2::SecurityGroup"))[0]!;
    expect(groupResource.DependsOn?.toSorted()).toEqual(roles.toSorted());
    for (const { Properties } of Object.values(template.findResources("AWS::Lambda::Function")))
      expect(JSON.stringify(Properties.VpcConfig)).toContain(group);
    // A policy of its own would be deleted before the interfaces are.
    template.resourceCountIs("AWS::IAM::Policy", 0);
  });

  it("gets endpoints where tasks have public addresses, which a function never has", () => {
    synthesised({ assignPublicIp: true }).resourceCountIs("AWS::EC2::VPCEndpoint", 3);
    synthesised({ assignPublicIp: true, monitoring: { publisher: "emf" } }).resourceCountIs(
      "AWS::EC2::VPCEndpoint",
      2,
    );
    template.resourceCountIs("AWS::EC2::VPCEndpoint", 0);
  });
});

describe("notifications", () => {
  it("go to the receivers", () => {
    template.hasResourceProperties("AWS::SNS::Subscription", {
      Protocol: "email",
      Endpoint: "ops@example.com",
    });
    template.hasResourceProperties("AWS::SNS::Subscription", {
      Protocol: "https",
      Endpoint: "https://hooks.example.com/dbward",
    });
  });

  it("go to chat, with a role that has no right and guardrails that deny every command", () => {
    const chat = synthesised({
      monitoring: {
        receivers: [
          Receiver.slack({ workspaceId: "T0123ABCD", channelId: "C0123ABCD" }),
          Receiver.teams({
            tenantId: "11111111-1111-4111-8111-111111111111",
            teamId: "22222222-2222-4222-8222-222222222222",
            channelId: "19%3ab6ef35dc%40thread.tacv2",
          }),
        ],
      },
    });
    const common = {
      SnsTopicArns: [{ Ref: Match.stringLikeRegexp("Topic") }],
      GuardrailPolicies: [{ "Fn::Join": ["", Match.arrayWith([":iam::aws:policy/AWSDenyAll"])] }],
    };
    chat.hasResourceProperties("AWS::Chatbot::SlackChannelConfiguration", {
      ...common,
      ConfigurationName: "Monitoring-slack-C0123ABCD",
      SlackWorkspaceId: "T0123ABCD",
      SlackChannelId: "C0123ABCD",
    });
    chat.hasResourceProperties("AWS::Chatbot::MicrosoftTeamsChannelConfiguration", {
      ...common,
      TeamsTenantId: "11111111-1111-4111-8111-111111111111",
      TeamsChannelId: "19%3ab6ef35dc%40thread.tacv2",
    });
    const roles = Object.values(chat.findResources("AWS::IAM::Role")).filter(({ Properties }) =>
      JSON.stringify(Properties.AssumeRolePolicyDocument).includes("chatbot.amazonaws.com"),
    );
    expect(roles).toHaveLength(1);
    expect(roles[0]!.Properties).not.toHaveProperty("Policies");
    expect(roles[0]!.Properties).not.toHaveProperty("ManagedPolicyArns");
  });

  it("are encrypted with a key that CloudWatch and EventBridge may use for this topic", () => {
    template.hasResourceProperties("AWS::SNS::Topic", { KmsMasterKeyId: Match.anyValue() });
    const [{ Properties }] = Object.values(template.findResources("AWS::KMS::Key")) as [
      { Properties: { EnableKeyRotation: boolean; KeyPolicy: { Statement: KeyStatement[] } } },
    ];
    expect(Properties.EnableKeyRotation).toBe(true);
    const callers = Properties.KeyPolicy.Statement.slice(1);
    expect(callers.map(({ Principal }) => Principal)).toEqual([
      { Service: "cloudwatch.amazonaws.com" },
      { Service: "events.amazonaws.com" },
    ]);
    for (const { Condition } of callers)
      expect(Object.keys(Condition.StringEquals)).toContain("kms:EncryptionContext:aws:sns:topicArn");
  });

  it("are taken over TLS alone, from this stage's alarms and from EventBridge alone", () => {
    const [{ Properties }] = Object.values(template.findResources("AWS::SNS::TopicPolicy")) as [
      { Properties: { PolicyDocument: { Statement: Record<string, never>[] } } },
    ];
    const [tls, ...allowed] = Properties.PolicyDocument.Statement;
    expect(tls).toMatchObject({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } });
    const [alarms, rules, ...others] = allowed;
    expect(alarms).toMatchObject({ Principal: { Service: "cloudwatch.amazonaws.com" } });
    expect(JSON.stringify(alarms?.Condition)).toContain("aws:SourceArn");
    // EventBridge gives SNS no context: a condition would never match.
    expect(rules).toEqual(expect.not.objectContaining({ Condition: expect.anything() }));
    expect(rules).toMatchObject({ Principal: { Service: "events.amazonaws.com" }, Action: "sns:Publish" });
    expect(others).toEqual([]);
  });
});

describe("an existing topic", () => {
  const ARN = "arn:aws:sns:eu-central-1:111122223333:platform-alarms";
  const KEY = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";
  const receivers = [Receiver.slack({ workspaceId: "T0123ABCD", channelId: "C0123ABCD" })];
  const imported = (keyArn?: string) =>
    synthesised({
      applier: true,
      monitoring: {
        receivers,
        topic: sns.Topic.fromTopicAttributes(new Stack(new App(), "Other"), "Shared", {
          topicArn: ARN,
          ...(keyArn !== undefined && { keyArn }),
        }),
      },
    });

  it("gets every message, and no other topic or key is made", () => {
    const template = imported();
    for (const type of ["AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::KMS::Key"])
      template.resourceCountIs(type, 0);
    const alarms = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"]
      .flatMap((type) => Object.values(template.findResources(type)))
      .flatMap(({ Properties }) => [...(Properties.AlarmActions ?? []), ...(Properties.OKActions ?? [])]);
    expect(new Set(alarms)).toEqual(new Set([ARN]));
    const told = Object.values(template.findResources("AWS::Events::Rule"))
      .flatMap(({ Properties }) => Properties.Targets ?? [])
      .filter(({ InputTransformer }) => InputTransformer);
    expect(told.length).toBeGreaterThan(3);
    for (const { Arn } of told) expect(Arn).toBe(ARN);
    template.hasResourceProperties("AWS::Chatbot::SlackChannelConfiguration", { SnsTopicArns: [ARN] });
    template.hasResourceProperties("AWS::Lambda::Function", {
      Environment: { Variables: Match.objectLike({ DBWARD_TOPIC: ARN }) },
    });
  });

  it("may be published to by the function that takes over new values, with the topic's key if it has one", () => {
    const statements = (template: Template) =>
      Object.values(template.findResources("AWS::IAM::Policy")).flatMap(
        ({ Properties }) => Properties.PolicyDocument.Statement as { Sid?: string }[],
      );
    const sids = (template: Template) => statements(template).map(({ Sid }) => Sid);
    expect(statements(imported(KEY))).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ Sid: "Tell", Resource: ARN }),
        expect.objectContaining({ Sid: "EncryptMessages", Resource: KEY }),
      ]),
    );
    expect(sids(imported())).toContain("Tell");
    expect(sids(imported())).not.toContain("EncryptMessages");
  });

  it("keeps the logical id of a channel, whose name no two configurations can have", () => {
    const idsIn = (template: Template) =>
      Object.keys(template.findResources("AWS::Chatbot::SlackChannelConfiguration"));
    expect(idsIn(imported())).toEqual(idsIn(synthesised({ monitoring: { receivers } })));
  });

  it("of the same app gets the statements that it needs, of every stage that shares it", () => {
    const { stack } = monitoredStage();
    const topic = new sns.Topic(stack, "Platform");
    const names = stageNames("prod");
    for (const stage of ["prod", "dev-eu"])
      new AlarmTopic(stack, `Receivers-${stage}`, {
        stage,
        names,
        receivers: [],
        topic,
        encryptionKey: undefined,
      });
    const policies = Template.fromStack(stack).findResources("AWS::SNS::TopicPolicy", {
      Properties: { Topics: [{ Ref: Match.stringLikeRegexp("^Platform") }] },
    });
    const statements = Object.values(policies).flatMap(
      ({ Properties }) => Properties.PolicyDocument.Statement as { Sid: string; Resource: unknown }[],
    );
    expect(statements.map(({ Sid }) => Sid)).toEqual([
      "dbward_prod_alarms",
      "dbward_prod_events",
      "dbward_dev_eu_alarms",
      "dbward_dev_eu_events",
    ]);
  });
});

describe("what ECS and AWS Backup report", () => {
  const rules = Object.values(template.findResources("AWS::Events::Rule"))
    .map(({ Properties }) => Properties)
    .filter(({ EventPattern }) => EventPattern);
  const fromEcs = rules.filter(({ EventPattern }) => EventPattern.source.includes("aws.ecs"));

  it("is told of deployments, services, stopped tasks, lack of memory and copies that failed", () => {
    expect(rules.map(({ EventPattern }) => EventPattern["detail-type"][0]).sort()).toEqual([
      "Backup Job State Change",
      "ECS Deployment State Change",
      "ECS Service Action",
      "ECS Task State Change",
      "ECS Task State Change",
    ]);
  });

  it("comes from this cluster only", () => {
    expect(fromEcs).toHaveLength(4);
    for (const { EventPattern } of fromEcs)
      expect(JSON.stringify(EventPattern)).toMatch(/ServerCluster98471F84Arn|service\/dbward-prod\//);
  });

  it("is text with the next step", () => {
    for (const { Targets } of rules) {
      const text = Targets[0].InputTransformer.InputTemplate as string;
      expect(text).toMatch(/dbward prod/);
      expect(text).toMatch(/\n"Next step: /);
      expect(text).not.toContain("{");
    }
  });

  it("links to the runbooks where they are published", () => {
    const text = JSON.stringify(
      synthesised({
        monitoring: { level: "full", runbooksUrl: "https://docs.example.com/runbooks" },
      }).toJSON(),
    );
    expect(text).toContain("Runbook: https://docs.example.com/runbooks/server-unreachable.md");
    expect(text).toContain("[Runbook](https://docs.example.com/runbooks/efs-storage.md)");
    expect(text).not.toContain("docs/runbooks/");
  });

  it("leaves out tasks that a deployment or a person stopped", () => {
    const stopped = rules.find(({ EventPattern }) => EventPattern.detail.stopCode);
    expect(stopped?.EventPattern.detail).toMatchObject({
      stopCode: [{ "anything-but": ["UserInitiated", "SpotInterruption"] }],
      stoppedReason: [{ "anything-but": { prefix: "Scaling activity initiated by" } }],
    });
  });
});
