import { App, Duration, Stack } from "aws-cdk-lib";
import { Annotations, Match, Template } from "aws-cdk-lib/assertions";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as kms from "aws-cdk-lib/aws-kms";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { describe, expect, it } from "vitest";
import {
  AgentConfig,
  CaptureMethod,
  DbwardAgent,
  DbwardMonitoring,
  DbwardServer,
  ExistingFileSystem,
  InvalidPropsError,
  NewFileSystem,
  Receiver,
  ServerConfig,
  TokenCapture,
} from "./index.ts";
import { nagFindings } from "./test-support/findings.ts";
import {
  AGENT_TOML,
  foreignAgentProps,
  foreignServer,
  foreignStack,
  SERVER_TOML,
} from "./test-support/foreign.ts";
import { only, statements, variables } from "./test-support/synth.ts";

/** A whole stage in a stack of somebody else's. */
function wholeStage() {
  const foreign = foreignStack();
  const server = foreignServer(foreign);
  const capture = new TokenCapture(foreign.stack, "Capture", { server, agents: ["app"] });
  const agent = new DbwardAgent(foreign.stack, "App", {
    ...foreignAgentProps(foreign),
    server,
    token: capture.agentToken("app"),
  });
  const monitoring = new DbwardMonitoring(foreign.stack, "Monitoring", {
    server,
    agents: [agent],
    capture,
    receivers: [Receiver.email("ops@example.com")],
  });
  return { ...foreign, server, capture, agent, monitoring };
}

/** What is wrong with props, one line each. */
function problemsOf(create: () => unknown): string[] {
  try {
    create();
  } catch (error) {
    if (!(error instanceof InvalidPropsError)) throw error;
    return error.message
      .split("\n")
      .slice(1, -1)
      .map((line) => line.trim());
  }
  return [];
}

describe("a stage of single constructs", () => {
  const { stack } = wholeStage();
  const template = Template.fromStack(stack);

  it("creates neither VPC nor cluster nor bucket where they exist", () => {
    for (const type of ["AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::ECS::Cluster", "AWS::S3::Bucket"])
      template.resourceCountIs(type, 0);
    for (const service of Object.values(template.findResources("AWS::ECS::Service")))
      expect(service.Properties.Cluster).toBe("shared");
  });

  it("opens the server to agent and poller, and the database to the agent, and nothing to others", () => {
    const rules = Object.values(template.findResources("AWS::EC2::SecurityGroupIngress")).map(
      ({ Properties }) => [Properties.FromPort, Properties.Description],
    );
    expect(rules.sort()).toEqual([
      [2049, "NFS from the tasks that mount the file system"],
      [3000, "Agent app"],
      [3000, "Poller"],
      [5432, "dbward shop: agent app to its database"],
    ]);
    for (const group of Object.values(template.findResources("AWS::EC2::SecurityGroup")))
      expect(group.Properties.SecurityGroupIngress).toBeUndefined();
  });

  it("passes cdk-nag", () => {
    expect(nagFindings(wholeStage().stack)).toEqual([]);
  });

  it("gets events of the tasks of its own services in a shared cluster", () => {
    const patterns = Object.values(template.findResources("AWS::Events::Rule"))
      .flatMap(({ Properties }) => Properties.EventPattern ?? [])
      .filter(({ source }) => source.includes("aws.ecs"));
    expect(patterns).toHaveLength(4);
    for (const pattern of patterns)
      expect(JSON.stringify(pattern)).toMatch(
        /"group":\["service:dbward-shop-server","service:dbward-shop-agent-app"\]|service\/shared\/dbward-shop-agent-app/,
      );
  });

  it("names its services after the stage in that cluster, and watches them by these names", () => {
    const services = Object.values(template.findResources("AWS::ECS::Service"));
    expect(services.map(({ Properties }) => Properties.ServiceName).sort()).toEqual([
      "dbward-shop-agent-app",
      "dbward-shop-server",
    ]);
    const environment = only(template, "AWS::Lambda::Function", /^MonitoringPoller/).Environment.Variables;
    expect(environment).toMatchObject({
      DBWARD_STAGE: "shop",
      DBWARD_AGENT_SERVICE_PREFIX: "dbward-shop-agent-",
      DBWARD_AGENTS: "app:1",
    });
    const [policy] = only(template, "AWS::IAM::Role", /^MonitoringPoller/).Policies;
    const counts = policy.PolicyDocument.Statement.find(({ Sid }: { Sid: string }) => Sid === "CountTasks");
    expect(JSON.stringify(counts.Resource)).toContain("service/shared/dbward-shop-agent-app");
  });

  it("gives each agent a token of its own, unless one is named for the bootstrap token", () => {
    expect(only(template, "Custom::DbwardTokenCapture").AgentTokens).toMatchObject([
      { Agent: "app", Source: "minted" },
    ]);
    const foreign = foreignStack();
    const server = foreignServer(foreign);
    const capture = new TokenCapture(foreign.stack, "Capture", {
      server,
      agents: ["app", "payments"],
      bootstrapAgent: "payments",
    });
    expect(capture.agentToken("app").subject).toBe("app");
    expect(capture.agentToken("payments").subject).toBe("agent");
  });

  it("has names of its own without a stage's name", () => {
    const { stack: platform, vpc } = foreignStack();
    const create = (id: string) =>
      new DbwardServer(platform, id, {
        vpc,
        image: ecs.ContainerImage.fromRegistry("example/server:1"),
        config: ServerConfig.fromString(SERVER_TOML),
      });
    expect([create("Blue").stage, create("Green").stage]).toEqual([
      expect.stringMatching(/^platform-blue-[0-9a-f]{8}$/),
      expect.stringMatching(/^platform-green-[0-9a-f]{8}$/),
    ]);
    Template.fromStack(platform).hasResourceProperties("AWS::ECS::Cluster", {
      ClusterName: Match.stringLikeRegexp("^dbward-platform-blue-"),
    });
  });
});

describe("DbwardServer", () => {
  const { stack, server } = wholeStage();
  const template = Template.fromStack(stack);

  it("is reached through its connections by whatever else is allowed to", () => {
    const foreign = foreignStack();
    const other = foreignServer(foreign);
    const client = new ec2.SecurityGroup(foreign.stack, "Client", {
      vpc: foreign.vpc,
      allowAllOutbound: false,
    });
    other.connections.allowDefaultPortFrom(client, "A client");
    Template.fromStack(foreign.stack).hasResourceProperties("AWS::EC2::SecurityGroupIngress", {
      Description: "A client",
      FromPort: 3000,
    });
  });

  it("keeps a file system of its own with the state, encrypted and retained", () => {
    template.hasResource("AWS::EFS::FileSystem", {
      Properties: { Encrypted: true, BackupPolicy: { Status: "ENABLED" } },
      DeletionPolicy: "RetainExceptOnCreate",
    });
    expect(server.fileSystem).toBeInstanceOf(NewFileSystem);
  });

  it("creates a namespace for a cluster that is not its own", () => {
    template.hasResourceProperties("AWS::ServiceDiscovery::PrivateDnsNamespace", {
      Name: "dbward-shop.internal",
    });
    expect(server.url).toBe("http://server.dbward-shop.internal:3000");
  });

  it("reads its configuration from a parameter under a customer managed key", () => {
    const foreign = foreignStack();
    const encryptionKey = new kms.Key(foreign.stack, "ParameterKey");
    foreignServer(foreign, { config: ServerConfig.fromParameter("/dbward/server", { encryptionKey }) });
    const rights = statements(Template.fromStack(foreign.stack), /ExecutionRole/);
    expect(rights.find(({ Sid }) => Sid === "DecryptParameters")).toMatchObject({
      Action: "kms:Decrypt",
      Resource: { "Fn::GetAtt": [expect.stringContaining("ParameterKey"), "Arn"] },
    });
  });

  it("gets the secrets that its configuration refers to, and the right to decrypt them", () => {
    const foreign = foreignStack();
    const slack = new secretsmanager.Secret(foreign.stack, "Slack", {
      encryptionKey: new kms.Key(foreign.stack, "SlackKey"),
    });
    foreignServer(foreign, {
      config: ServerConfig.fromString(
        `${SERVER_TOML}\n[[webhooks]]\nid = "chat"\nurl = "\${SLACK_URL}"\nevents = ["request.created"]\n`,
      ),
      secrets: { SLACK_URL: slack },
    });
    const made = Template.fromStack(foreign.stack);
    expect(only(made, "AWS::ECS::TaskDefinition").ContainerDefinitions[0].Secrets).toMatchObject([
      { Name: "SLACK_URL" },
    ]);
    expect(statements(made, /ExecutionRole/).map(({ Sid }) => Sid)).toContain("DecryptSecrets");
  });

  it("stands behind a load balancer in the subnets of its tasks", () => {
    const foreign = foreignStack();
    const balanced = foreignServer(foreign, { loadBalancer: { allowedCidrs: ["10.0.0.0/8"] } });
    expect(balanced.endpoint).toMatch(/^http:\/\/\$\{Token/);
    const made = Template.fromStack(foreign.stack);
    made.hasResourceProperties("AWS::ElasticLoadBalancingV2::LoadBalancer", {
      Scheme: "internal",
      Subnets: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    });
    // The bucket of its access logs.
    made.resourceCountIs("AWS::S3::Bucket", 1);
  });

  it("reports everything that is wrong with its props at once, by construct and prop", () => {
    const foreign = foreignStack();
    const create = () =>
      foreignServer(foreignStack(), {
        stage: "no spaces",
        cpu: 300,
        config: ServerConfig.fromString("[[databases]]\nname = 1\n"),
        secrets: { "NOT-A-NAME": foreign.databaseUrl, DBWARD_TOKEN: foreign.databaseUrl },
      });
    expect(create).toThrow(
      /^DbwardServer at Platform\/Server can't be deployed with these props:\n {2}stage must be/,
    );
    const problems = problemsOf(() => create());
    for (const begin of [
      "stage ",
      "cpu must be one of 256,",
      "secrets.NOT-A-NAME ",
      "secrets.DBWARD_TOKEN ",
      "config ",
    ])
      expect(problems).toContainEqual(expect.stringMatching(new RegExp(`^${begin}`)));
  });

  it("refuses memory that Fargate doesn't offer, and a stop timeout that is too long", () => {
    const foreign = foreignStack();
    expect(
      problemsOf(() => foreignServer(foreign, { memoryLimitMiB: 512, stopTimeout: Duration.minutes(5) })),
    ).toEqual([
      "memoryLimitMiB must be one of 1024, 2048, 3072, 4096, which Fargate offers with 512 CPU units, not 512",
      expect.stringMatching(/^stopTimeout must be 2 to 120 seconds, not 300/),
    ]);
  });

  it("refuses a token or a password in the text, without repeating it", () => {
    const foreign = foreignStack();
    const [problem] = problemsOf(() =>
      foreignServer(foreign, {
        config: ServerConfig.fromString(`${SERVER_TOML}\n# postgres://app:hunter2@db.internal/app\n`),
      }),
    );
    expect(problem).toMatch(/^config the text:5: The line holds a password in a URL/);
    expect(problem).not.toContain("hunter2");
  });

  it("refuses a load balancer in one zone", () => {
    const foreign = foreignStack();
    const subnets = [
      ec2.Subnet.fromSubnetAttributes(foreign.stack, "One", { subnetId: "s-1", availabilityZone: "a" }),
    ];
    expect(problemsOf(() => foreignServer(foreign, { loadBalancer: { vpcSubnets: { subnets } } }))).toEqual([
      expect.stringMatching(/^vpcSubnets must select subnets in two availability zones/),
    ]);
  });
});

describe("DbwardAgent", () => {
  it("may read its token and its databases' URLs, and decrypt them", () => {
    const foreign = foreignStack();
    const encryptionKey = new kms.Key(foreign.stack, "Key");
    const server = foreignServer(foreign);
    const capture = new TokenCapture(foreign.stack, "Capture", { server, agents: ["app"], encryptionKey });
    new DbwardAgent(foreign.stack, "App", {
      ...foreignAgentProps(foreign),
      server,
      token: capture.agentToken("app"),
    });
    const rights = statements(Template.fromStack(foreign.stack), /^AppTaskExecutionRole/);
    const reads = rights.filter(({ Action }) => Action === "secretsmanager:GetSecretValue");
    expect(reads.flatMap(({ Resource }) => Resource)).toHaveLength(2);
    expect(rights.find(({ Sid }) => Sid === "DecryptSecrets")).toMatchObject({ Action: "kms:Decrypt" });
  });

  it("takes a secret that the CDK renders, such as one key of an RDS secret", () => {
    const foreign = foreignStack();
    const server = foreignServer(foreign);
    const capture = new TokenCapture(foreign.stack, "Capture", { server, agents: ["app"] });
    new DbwardAgent(foreign.stack, "App", {
      ...foreignAgentProps(foreign),
      databases: [
        {
          secret: ecs.Secret.fromSecretsManager(foreign.databaseUrl, "url"),
          cidrs: ["10.0.8.0/24"],
          port: 3306,
        },
      ],
      server,
      token: capture.agentToken("app"),
    });
    const template = Template.fromStack(foreign.stack);
    const { ContainerDefinitions } = only(template, "AWS::ECS::TaskDefinition", /^AppTask/);
    expect(JSON.stringify(ContainerDefinitions[0].Secrets)).toContain(":url::");
    expect(only(template, "AWS::EC2::SecurityGroup", /^AppSecurityGroup/).SecurityGroupEgress).toContainEqual(
      expect.objectContaining({ CidrIp: "10.0.8.0/24", FromPort: 3306 }),
    );
  });

  it("replaces its tasks when its token changes", () => {
    const template = Template.fromStack(wholeStage().stack);
    const [container] = only(template, "AWS::ECS::TaskDefinition", /^AppTask/).ContainerDefinitions;
    expect(variables(container).DBWARD_AGENT_TOKEN_VERSION).toEqual({
      "Fn::GetAtt": [expect.stringMatching(/^Capture/), "AgentTokenVersion.app"],
    });
  });

  it("reports everything that is wrong with its props at once", () => {
    const foreign = foreignStack();
    const server = foreignServer(foreign);
    const capture = new TokenCapture(foreign.stack, "Capture", { server, agents: ["app"] });
    const create = (databases: readonly object[], toml = AGENT_TOML) =>
      problemsOf(
        () =>
          new DbwardAgent(foreign.stack, `App${toml.length}-${databases.length}`, {
            ...foreignAgentProps(foreign),
            config: AgentConfig.fromString(toml),
            databases: databases as never,
            server,
            token: capture.agentToken("app"),
          }),
      );
    const secret = foreign.databaseUrl;
    expect(create([])).toContain("databases must have at least one database");
    const both = { secret, cidrs: ["10.0.0.0/8"], connectable: foreign.database, port: 0 };
    expect(create([{ secret, cidrs: ["10.0.0.0/8"], variable: "PGHOST" }])).toContain(
      "databases[0].variable must not be PGHOST: the PostgreSQL driver reads it",
    );
    expect(create([both, { secret }])).toEqual([
      "databases[0].port must be a TCP port, 1 to 65535, not 0",
      "databases[0] must have either connectable or cidrs: where the database is",
      "databases[1] must have either connectable or cidrs: where the database is",
      "databases[1].variable must not be DATABASE_URL, which is in use already",
    ]);
    expect(
      create([{ secret, cidrs: ["10.0.0.0/8"] }], AGENT_TOML.replace("DATABASE_URL", "OTHER_URL")),
    ).toEqual([expect.stringMatching(/^config the text:6: .*OTHER_URL/)]);
  });

  it("warns of a database that its configuration does not use", () => {
    const foreign = foreignStack();
    const server = foreignServer(foreign);
    const capture = new TokenCapture(foreign.stack, "Capture", { server, agents: ["app"] });
    new DbwardAgent(foreign.stack, "App", {
      ...foreignAgentProps(foreign),
      databases: ["DATABASE_URL", "REPORTS_URL"].map((variable) => ({
        secret: foreign.databaseUrl,
        cidrs: ["10.0.0.0/8"],
        variable,
      })),
      server,
      token: capture.agentToken("app"),
    });
    const warnings = Annotations.fromStack(foreign.stack).findWarning("/Platform/App", Match.anyValue());
    expect(warnings.map(({ entry }) => entry.data)).toEqual([
      expect.stringMatching(/does not use .*REPORTS_URL.*, so the agent does not serve the database/),
    ]);
  });
});

describe("TokenCapture", () => {
  it("creates what the one-off task needs, and takes ECS Exec away", () => {
    const foreign = foreignStack();
    const server = foreignServer(foreign, { enableExecuteCommand: false });
    new TokenCapture(foreign.stack, "Capture", { server, agents: ["app"], method: CaptureMethod.task() });
    const template = Template.fromStack(foreign.stack);
    expect(statements(template, /^CaptureTaskRole/).map(({ Sid }) => Sid)).toEqual([
      "MountState",
      "FillSecrets",
    ]);
    expect(JSON.stringify(template.toJSON())).not.toContain("ecs:ExecuteCommand");
  });

  it("refuses ECS Exec on a server that has none, and agents that are not agents", () => {
    const foreign = foreignStack();
    const server = foreignServer(foreign, { enableExecuteCommand: false });
    expect(
      problemsOf(
        () =>
          new TokenCapture(foreign.stack, "Capture", {
            server,
            agents: ["app", "App", "app"],
            bootstrapAgent: "payments",
          }),
      ),
    ).toEqual([
      expect.stringMatching(/^agents\[1\] must be up to 40 lower-case letters/),
      'agents[2] must not be "app" a second time',
      expect.stringMatching(/^bootstrapAgent must be one of the agents/),
      expect.stringMatching(/^method must be CaptureMethod.task\(\)/),
    ]);
  });

  it("refuses to name the token of an agent that it doesn't have", () => {
    expect(() => wholeStage().capture.agentToken("billing")).toThrow(/No agent "billing"/);
  });
});

describe("DbwardMonitoring", () => {
  it("refuses an unknown alarm and too many metrics", () => {
    const { stack, server, agent, capture } = wholeStage();
    const create = (id: string, props: object) =>
      new DbwardMonitoring(stack, id, { server, agents: [agent], capture, ...props });
    expect(() => create("A", { thresholds: { typo: 1 } })).toThrow(/unknown alarms: typo/);
    expect(problemsOf(() => create("B", { perAgentMetrics: 51, runbooksUrl: "https://x.example/" }))).toEqual(
      [
        "perAgentMetrics must be 0 to 50, not 51",
        expect.stringMatching(/^runbooksUrl must be a URL without a slash/),
      ],
    );
  });

  it("needs no receivers: others subscribe to its topic", () => {
    const { stack, server, agent, capture } = wholeStage();
    const other = new Stack(stack.node.root as App, "Other", {
      env: { region: "eu-central-1", account: "111122223333" },
    });
    const { topic } = new DbwardMonitoring(other, "Monitoring", { server, agents: [agent], capture });
    Receiver.https("https://hooks.example.com").subscribe(topic, other);
    Template.fromStack(other).hasResourceProperties("AWS::SNS::Subscription", { Protocol: "https" });
  });
});

describe("file systems", () => {
  it("take one subnet in each availability zone", () => {
    const { stack, vpc } = foreignStack();
    const subnets = ["a", "a", "b"].map((zone, at) =>
      ec2.Subnet.fromSubnetAttributes(stack, `S${at}`, { subnetId: `subnet-${at}`, availabilityZone: zone }),
    );
    expect(problemsOf(() => new NewFileSystem(stack, "New", { vpc, vpcSubnets: { subnets } }))).toEqual([
      expect.stringMatching(/^vpcSubnets must select one subnet in each availability zone, not several in a/),
    ]);
    expect(problemsOf(() => new NewFileSystem(stack, "Empty", { vpc, vpcSubnets: { subnets: [] } }))).toEqual(
      ["vpcSubnets must select at least one subnet"],
    );
  });

  it("that exist are named by their ids", () => {
    const { stack, vpc } = foreignStack();
    expect(
      problemsOf(
        () =>
          new ExistingFileSystem(stack, "Files", {
            vpc,
            fileSystemId: "my-files",
            accessPointId: "fsap-1",
            path: "/x",
          }),
      ),
    ).toEqual([
      'fileSystemId must be the id of a file system, not "my-files"',
      expect.stringMatching(/^path must be left out with accessPointId/),
    ]);
  });
});

it("a whole stage deploys into a stack whose account and region are open", () => {
  const stack = new Stack(new App(), "Open");
  const server = new DbwardServer(stack, "Server", {
    vpc: new ec2.Vpc(stack, "Vpc"),
    image: ecs.ContainerImage.fromRegistry("example/server:1"),
    config: ServerConfig.fromString(SERVER_TOML),
  });
  new TokenCapture(stack, "Capture", { server, agents: ["app"] });
  Template.fromStack(stack).hasResourceProperties("AWS::Lambda::Function", { Timeout: Match.anyValue() });
});
