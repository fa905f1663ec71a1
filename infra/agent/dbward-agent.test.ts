import type { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { agentSettings, stageSettings } from "../test-support/settings.ts";
import { only, statements, templates, variables } from "../test-support/synth.ts";

const { agents, server } = templates();
const definition = (template: Template) => only(template, "AWS::ECS::TaskDefinition");
const container = (template: Template) => definition(template).ContainerDefinitions[0];
const egressOf = (template: Template) =>
  only(template, "AWS::EC2::SecurityGroup").SecurityGroupEgress.map((rule: Record<string, unknown>) => [
    rule.IpProtocol,
    rule.FromPort,
    rule.CidrIp ?? "server",
  ]);

describe("Agent parameters", () => {
  it("ClusterName, VpcId and ServerSecurityGroupId come by reference, copied by nobody", () => {
    expect(only(agents, "AWS::ECS::Service").Cluster["Fn::ImportValue"]).toMatch(/^test-dbward-Server:/);
    expect(only(agents, "AWS::EC2::SecurityGroup").VpcId["Fn::ImportValue"]).toMatch(/^test-dbward-State:/);
    expect(agents.findParameters("*", { Type: "String" })).toEqual({});
  });

  it("ImageRepository and ImageTag", () => {
    expect(container(agents).Image).toBe("ghcr.io/dbward-dev/dbward-agent:0.2.0");
  });

  it("AgentDesiredCount 1", () => {
    expect(only(agents, "AWS::ECS::Service").DesiredCount).toBe(1);
  });

  it("leaves the number of tasks to the poller where it has bounds, or a deployment would cut statements", () => {
    const scaling = { min: 2, max: 8 };
    const apply = { configuration: false, secrets: "none" } as const;
    const { agents, monitoring } = templates({
      agents: [agentSettings({ scaling, desiredCount: 2 })],
      apply,
    });
    expect(only(agents, "AWS::ECS::Service")).not.toHaveProperty("DesiredCount");
    expect(only(monitoring, "AWS::Lambda::Function", /Poller/).Environment.Variables.DBWARD_AGENTS).toBe(
      "app:2-8",
    );
    const rights = (template: Template) => JSON.stringify(template.findResources("AWS::IAM::Role"));
    expect(rights(monitoring)).toMatch(/"ecs:UpdateService".*"ecs:cluster".*agent-app/);
    expect(rights(templates({ apply }).monitoring)).not.toContain("UpdateService");
  });

  it("AgentConfigToml", () => {
    expect(variables(container(agents)).DBWARD_CONFIG_TOML).toContain('agent_id = "app"');
  });

  it("DatabasePort 5432 (3306 for MySQL)", () => {
    expect(egressOf(agents)).toContainEqual(["tcp", 5432, "10.9.0.0/16"]);
    const databases = [
      { variable: "DATABASE_URL", urlSecret: "dbward/mysql", port: 3306, cidrs: ["10.9.0.0/24"] },
    ];
    expect(egressOf(templates({ agents: [agentSettings({ databases })] }).agents)).toContainEqual([
      "tcp",
      3306,
      "10.9.0.0/24",
    ]);
  });

  it("EcrRepositoryName: ECR pull for one repository when asked", () => {
    const image = {
      repository: "unused",
      tag: "0.2.0",
      ecrRepositoryName: "mirror/dbward-agent",
      pullThroughCache: false,
    };
    const ecr = templates({ agents: [agentSettings({ image })] }).agents;
    expect(JSON.stringify(statements(ecr, /ExecutionRole/))).toContain(":repository/mirror/dbward-agent");
    expect(JSON.stringify(statements(agents, /ExecutionRole/))).not.toContain("ecr:");
  });
});

describe("Agent task", () => {
  it("Fargate 256 CPU, 512 MiB", () => {
    expect(definition(agents)).toMatchObject({
      Cpu: "256",
      Memory: "512",
      RequiresCompatibilities: ["FARGATE"],
    });
  });

  it("secrets DBWARD_AGENT_TOKEN and DATABASE_URL injected from Secrets Manager", () => {
    expect(container(agents).Secrets).toEqual([
      {
        Name: "DATABASE_URL",
        ValueFrom: {
          "Fn::Join": ["", expect.arrayContaining([expect.stringMatching(/:secret:dbward\/database-url$/)])],
        },
      },
      { Name: "DBWARD_AGENT_TOKEN", ValueFrom: { Ref: expect.stringContaining("agenttokensecretapp") } },
    ]);
    const reads = statements(agents, /ExecutionRole/).find(({ Action }) =>
      Action.includes("secretsmanager:GetSecretValue"),
    );
    expect(reads.Resource).toHaveLength(2);
  });

  it("stop timeout 90 s, init process", () => {
    expect(container(agents).StopTimeout).toBe(90);
    expect(container(agents).LinuxParameters.InitProcessEnabled).toBe(true);
  });

  it("starts again with a new version of its token", () => {
    const { Ref } = variables(container(agents)).DBWARD_AGENT_TOKEN_VERSION as { Ref: string };
    // A parameter's value is read at every deployment; an exported one could not change while it is imported.
    expect(agents.findParameters(Ref)[Ref]).toEqual({
      Type: "AWS::SSM::Parameter::Value<String>",
      Default: "/dbward/test/agent-token-version/app",
    });
    expect(only(server, "AWS::SSM::Parameter")).toMatchObject({
      Name: "/dbward/test/agent-token-version/app",
      Value: { "Fn::GetAtt": [expect.stringMatching(/^TokenCapture/), "AgentTokenVersion.app"] },
    });
  });
});

describe("Agent health", () => {
  it("test -f /tmp/dbward-agent-ready, 30 s, 5 s, 10 tries, 60 s start", () => {
    expect(container(agents).HealthCheck).toEqual({
      Command: ["CMD-SHELL", "test -f /tmp/dbward-agent-ready"],
      Interval: 30,
      Timeout: 5,
      Retries: 10,
      StartPeriod: 60,
    });
  });

  it("outlasts four minutes without the server, of which the first check may see the very beginning", () => {
    const { Interval, Retries } = container(agents).HealthCheck;
    expect(Interval * (Retries - 1)).toBeGreaterThanOrEqual(240);
  });
});

describe("Agent security group", () => {
  it("out: 3000 to the server's group, the database port, 443, 53", () => {
    expect(egressOf(agents)).toEqual([
      ["tcp", 3000, "server"],
      ["tcp", 443, "0.0.0.0/0"],
      ["tcp", 53, "0.0.0.0/0"],
      ["udp", 53, "0.0.0.0/0"],
      ["tcp", 5432, "10.9.0.0/16"],
    ]);
  });

  it("and an ingress rule on the server's group", () => {
    expect(only(agents, "AWS::EC2::SecurityGroupIngress")).toMatchObject({
      GroupId: { "Fn::ImportValue": expect.stringContaining("ServerSecurityGroup") },
      FromPort: 3000,
      ToPort: 3000,
      SourceSecurityGroupId: { "Fn::GetAtt": [expect.stringMatching(/^Agentapp/), "GroupId"] },
    });
  });
});

describe("Databases of an agent", () => {
  const twoDatabases = agentSettings({
    databases: [
      { variable: "APP_URL", urlSecret: "app", port: 5432, securityGroupId: "sg-0123456789abcdef0" },
      { variable: "DATABASE_URL", urlSecret: "reports", port: 3306, cidrs: ["10.9.0.0/24"] },
    ],
  });
  const several = templates({ agents: [twoDatabases, agentSettings({ name: "payments" })] }).agents;

  it("each have their variable and their way", () => {
    const [app] = Object.values(several.findResources("AWS::ECS::TaskDefinition"));
    expect(
      app!.Properties.ContainerDefinitions[0].Secrets.map(({ Name }: { Name: string }) => Name).sort(),
    ).toEqual(["APP_URL", "DATABASE_URL", "DBWARD_AGENT_TOKEN"]);
    expect(only(several, "AWS::EC2::SecurityGroup", /^Agentapp/).SecurityGroupEgress).toContainEqual(
      expect.objectContaining({ CidrIp: "10.9.0.0/24", FromPort: 3306, ToPort: 3306 }),
    );
  });

  it("are opened on both sides by their security group, with rules that are the agent's own", () => {
    const agentGroup = { "Fn::GetAtt": [expect.stringMatching(/^Agentapp/), "GroupId"] };
    expect(only(several, "AWS::EC2::SecurityGroupEgress")).toMatchObject({
      GroupId: agentGroup,
      DestinationSecurityGroupId: "sg-0123456789abcdef0",
      IpProtocol: "tcp",
      FromPort: 5432,
      ToPort: 5432,
    });
    expect(only(several, "AWS::EC2::SecurityGroupIngress", /^Database/)).toMatchObject({
      GroupId: "sg-0123456789abcdef0",
      SourceSecurityGroupId: agentGroup,
      IpProtocol: "tcp",
      FromPort: 5432,
      ToPort: 5432,
      Description: "dbward test: agent app to its database",
    });
    // Without the agent neither rule is there.
    expect(JSON.stringify(agents.toJSON())).not.toContain("sg-0123456789abcdef0");
  });

  it("are open before the first task starts", () => {
    const [ingress] = Object.keys(several.findResources("AWS::EC2::SecurityGroupIngress")).filter((id) =>
      id.startsWith("Database"),
    );
    const [service] = Object.entries(several.findResources("AWS::ECS::Service")).filter(([id]) =>
      id.startsWith("Agentapp"),
    );
    expect(service![1].DependsOn).toContain(ingress);
  });
});

describe("Known faults", () => {
  const execStatements = (template: typeof agents) =>
    statements(template, /TaskRole/).filter(({ Action }) =>
      JSON.stringify(Action).includes("ssmmessages:OpenDataChannel"),
    );

  it("ECS Exec, which shows the database's URL, is off unless the settings say so", () => {
    expect(only(agents, "AWS::ECS::Service").EnableExecuteCommand ?? false).toBe(false);
    expect(JSON.stringify(agents.toJSON())).not.toContain("ssmmessages:");
  });

  it("ECS Exec has the ssmmessages permission that it needs", () => {
    const { agents: open } = templates({ agents: [agentSettings({ ecsExec: true })] });
    expect(only(open, "AWS::ECS::Service").EnableExecuteCommand).toBe(true);
    expect(execStatements(open)).toHaveLength(1);
    const [container] = only(open, "AWS::ECS::TaskDefinition").ContainerDefinitions;
    expect(container.DockerLabels).toEqual({ "dbward.ecs-exec": "true" });
  });

  it("database egress is open to the database's blocks, not to 0.0.0.0/0", () => {
    const database = egressOf(agents).filter(([, port]: unknown[]) => port === 5432);
    expect(database).toEqual([["tcp", 5432, "10.9.0.0/16"]]);
  });

  it("agents don't share an identity: each has its own token, service and group", () => {
    const two = templates({ agents: [agentSettings(), agentSettings({ name: "payments" })] }).agents;
    const tokens = Object.values(two.findResources("AWS::ECS::TaskDefinition")).map(
      ({ Properties }) =>
        Properties.ContainerDefinitions[0].Secrets.find(
          ({ Name }: { Name: string }) => Name === "DBWARD_AGENT_TOKEN",
        ).ValueFrom.Ref,
    );
    expect(new Set(tokens).size).toBe(2);
    two.resourceCountIs("AWS::ECS::Service", 2);
    two.resourceCountIs("AWS::EC2::SecurityGroup", 2);
    two.resourceCountIs("AWS::IAM::Role", 4);
  });
});

describe("Agent service", () => {
  it("rolls back by itself, and keeps the old task until the new one is healthy", () => {
    expect(only(agents, "AWS::ECS::Service").DeploymentConfiguration).toMatchObject({
      MinimumHealthyPercent: 100,
      MaximumPercent: 200,
      DeploymentCircuitBreaker: { Enable: true, Rollback: true },
    });
  });

  it("finds the server through Service Connect, and has no public IP", () => {
    const service = only(agents, "AWS::ECS::Service");
    // The ARN: by name ECS knows HTTP namespaces only.
    expect(service.ServiceConnectConfiguration).toEqual({
      Enabled: true,
      Namespace: { "Fn::ImportValue": expect.stringMatching(/^test-dbward-Server:.*Namespace.*Arn/) },
    });
    expect(service.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp).toBe("DISABLED");
  });

  it("keeps its log for 14 days", () => {
    agents.hasResourceProperties("AWS::Logs::LogGroup", {
      LogGroupName: "/ecs/dbward-test/agent-app",
      RetentionInDays: stageSettings().agents[0]!.logRetentionDays,
    });
  });
});
