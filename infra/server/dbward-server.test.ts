import { Match, type Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { serverSettings } from "../test-support/settings.ts";
import { only, REGION, stage, statements, templates, variables } from "../test-support/synth.ts";

const { state, server } = templates();
type Joined = { readonly "Fn::Join": readonly [string, readonly unknown[]] };
const EXEC_OFF = { method: "task", allowSessionLogging: false } as const;
const container = (template: Template) =>
  only(template, "AWS::ECS::TaskDefinition", /^ServerTask/).ContainerDefinitions[0];

describe("Parameters", () => {
  it("ImageRepository and ImageTag: pinned", () => {
    expect(container(server).Image).toBe("ghcr.io/dbward-dev/dbward-server:0.2.0");
    const digest = `sha256:${"a".repeat(64)}`;
    const image = { ...serverSettings().image, tag: digest };
    const pinned = templates({ server: serverSettings({ image }) });
    expect(container(pinned.server).Image).toBe(`ghcr.io/dbward-dev/dbward-server@${digest}`);
  });

  it("EcrRepositoryName: ECR pull for one repository when asked", () => {
    expect(JSON.stringify(statements(server, /ExecutionRole/))).not.toContain("ecr:");
    const image = {
      repository: "unused",
      tag: "0.2.0",
      ecrRepositoryName: "mirror/dbward-server",
      pullThroughCache: false,
    };
    const ecr = templates({ server: serverSettings({ image }) });
    expect(JSON.stringify(container(ecr.server).Image)).toContain("/mirror/dbward-server:0.2.0");
    const pull = statements(ecr.server, /ExecutionRole/).find(({ Action }) =>
      JSON.stringify(Action).includes("ecr:BatchGetImage"),
    );
    expect(JSON.stringify(pull.Resource)).toContain(":repository/mirror/dbward-server");
  });

  it("ConfigSource inline: the text is in the environment, with the [result_storage] that the parameters call for", () => {
    const [before, bucket, after] = (variables(container(server)).DBWARD_CONFIG_TOML as Joined)[
      "Fn::Join"
    ][1];
    expect(before).toMatch(/^state_dir = "\/data"[\s\S]*\[result_storage\]\nbackend = "s3"\nbucket = "$/);
    expect(bucket).toEqual({ "Fn::ImportValue": expect.stringContaining("ResultsBucket") });
    expect(after).toBe(`"\nregion = "${REGION}"\n`);
  });

  it("ConfigSource ssm: from the one parameter that is named, and no other may be read", () => {
    const config = { source: "ssm", parameter: "/dbward/server-config" } as const;
    const ssm = templates({ server: serverSettings({ config }) });
    expect(variables(container(ssm.server)).DBWARD_CONFIG_TOML).toBeUndefined();
    expect(container(ssm.server).Secrets).toEqual([
      { Name: "DBWARD_CONFIG_TOML", ValueFrom: arnEndingIn(":parameter/dbward/server-config") },
    ]);
    const reads = statements(ssm.server, /ExecutionRole/).filter(({ Action }) =>
      JSON.stringify(Action).includes("ssm:"),
    );
    expect(reads).toHaveLength(1);
    expect(reads[0].Resource).toEqual(arnEndingIn(":parameter/dbward/server-config"));
  });

  it("AllowedIngressCidr: nobody beside agents, poller and load balancer unless asked", () => {
    const group = () => only(server, "AWS::EC2::SecurityGroup", /^ServerSecurityGroup/);
    expect(group().SecurityGroupIngress).toBeUndefined();
    const open = templates({ server: serverSettings({ allowedCidrs: ["10.0.0.0/8"] }) }).server;
    expect(only(open, "AWS::EC2::SecurityGroup", /^ServerSecurityGroup/).SecurityGroupIngress).toEqual([
      expect.objectContaining({ CidrIp: "10.0.0.0/8", FromPort: 3000, ToPort: 3000 }),
    ]);
  });
});

describe("Cluster", () => {
  it("Service Connect namespace as the cluster's default, which is private DNS for everything else", () => {
    server.hasResourceProperties("AWS::ServiceDiscovery::PrivateDnsNamespace", {
      Name: "dbward-test.internal",
    });
    expect(only(server, "AWS::ECS::Cluster").ServiceConnectDefaults).toEqual({
      Namespace: { "Fn::GetAtt": [expect.stringContaining("Namespace"), "Arn"] },
    });
  });

  it("does not log exec sessions, which would hold tokens", () => {
    expect(only(server, "AWS::ECS::Cluster").Configuration).toEqual({
      ExecuteCommandConfiguration: { Logging: "NONE" },
    });
  });
});

describe("Task", () => {
  it("Fargate, 512 CPU, 1024 MiB", () => {
    server.hasResourceProperties("AWS::ECS::TaskDefinition", {
      RequiresCompatibilities: ["FARGATE"],
      NetworkMode: "awsvpc",
      Cpu: "512",
      Memory: "1024",
    });
  });

  it("EFS at /data with transit encryption", () => {
    server.hasResourceProperties("AWS::ECS::TaskDefinition", {
      Volumes: [
        {
          Name: "state",
          EFSVolumeConfiguration: Match.objectLike({
            TransitEncryption: "ENABLED",
            AuthorizationConfig: { IAM: "ENABLED", AccessPointId: Match.anyValue() },
          }),
        },
      ],
    });
    expect(container(server).MountPoints).toEqual([
      { ContainerPath: "/data", SourceVolume: "state", ReadOnly: false },
    ]);
  });

  it("init process, RUST_LOG=info, AWS_EC2_METADATA_DISABLED=true", () => {
    expect(container(server).LinuxParameters.InitProcessEnabled).toBe(true);
    expect(variables(container(server))).toMatchObject({
      RUST_LOG: "info",
      AWS_EC2_METADATA_DISABLED: "true",
    });
  });

  it("a stop timeout longer than the server's drain of 20 s", () => {
    expect(container(server).StopTimeout).toBe(120);
  });

  it("secrets that server.toml refers to, and the licence key, come from Secrets Manager", () => {
    const secrets = { OIDC_SECRET: "dbward/oidc" };
    const settings = serverSettings({ secrets, licenseKeySecret: "dbward/license" });
    expect(container(templates({ server: settings }).server).Secrets).toEqual([
      { Name: "OIDC_SECRET", ValueFrom: arnEndingIn(":secret:dbward/oidc") },
      { Name: "DBWARD_LICENSE_KEY", ValueFrom: arnEndingIn(":secret:dbward/license") },
    ]);
  });
});

describe("Command", () => {
  it("a shell wrapper writes the config to a file, then execs the server on 0.0.0.0:3000", () => {
    const { EntryPoint, Command } = container(server);
    expect(EntryPoint).toEqual(["sh", "-c"]);
    expect(Command).toEqual([
      expect.stringMatching(/exec dbward-server --listen 0\.0\.0\.0:3000 --config \/tmp\/server\.toml$/),
    ]);
  });

  it("gets the [result_storage] of the stage for a config from SSM", () => {
    const config = { source: "ssm", parameter: "/dbward/server-config" } as const;
    const ssm = templates({ server: serverSettings({ config }) });
    expect(JSON.stringify(variables(container(ssm.server)).DBWARD_RESULT_STORAGE_TOML)).toContain(
      "[result_storage]",
    );
  });
});

describe("Health", () => {
  it("container: curl -sf http://localhost:3000/health, 10 s, 5 s, 3 tries, 5 min start", () => {
    expect(container(server).HealthCheck).toEqual({
      Command: ["CMD-SHELL", "curl -sf http://localhost:3000/health || exit 1"],
      Interval: 10,
      Timeout: 5,
      Retries: 3,
      StartPeriod: 300,
    });
  });
});

describe("Service", () => {
  const service = only(server, "AWS::ECS::Service");

  it("one task, minimum healthy 0 %, maximum 100 % (never two writers)", () => {
    expect(service.DesiredCount).toBe(1);
    expect(service.DeploymentConfiguration).toMatchObject({ MinimumHealthyPercent: 0, MaximumPercent: 100 });
    // Rebalancing over zones starts the second task first.
    expect(service.AvailabilityZoneRebalancing).toBe("DISABLED");
  });

  it("circuit breaker, without the rollback that would start an old binary on a migrated database", () => {
    expect(service.DeploymentConfiguration.DeploymentCircuitBreaker).toEqual({
      Enable: true,
      Rollback: false,
    });
  });

  it("ECS Exec, with the permission that it needs", () => {
    expect(service.EnableExecuteCommand).toBe(true);
    expect(execStatements(state)).toHaveLength(1);
  });

  it("no ECS Exec anywhere with capture method task", () => {
    const task = templates({ capture: EXEC_OFF });
    expect(only(task.server, "AWS::ECS::Service").EnableExecuteCommand).toBeFalsy();
    expect(only(task.agents, "AWS::ECS::Service").EnableExecuteCommand).toBeFalsy();
    for (const template of Object.values(task)) {
      expect(JSON.stringify(template.toJSON())).not.toContain("ssmmessages:");
      expect(JSON.stringify(template.toJSON())).not.toContain("ecs:ExecuteCommand");
    }
  });

  it("replaces its task when the capture method changes: a running task gets no exec agent", () => {
    const task = templates({ capture: EXEC_OFF });
    expect(container(task.server).DockerLabels).not.toEqual(container(server).DockerLabels);
  });

  it("Service Connect server:3000", () => {
    expect(container(server).PortMappings).toEqual([
      expect.objectContaining({ Name: "server", ContainerPort: 3000 }),
    ]);
    expect(service.ServiceConnectConfiguration).toMatchObject({
      Enabled: true,
      Namespace: { "Fn::GetAtt": [expect.stringContaining("Namespace"), "Arn"] },
      Services: [
        {
          PortName: "server",
          DiscoveryName: "server-connect",
          ClientAliases: [{ DnsName: "server", Port: 3000 }],
        },
      ],
    });
  });

  it("a private DNS name for clients that are not part of Service Connect", () => {
    expect(stage().server.server.url).toBe("http://server.dbward-test.internal:3000");
    const registered = only(server, "AWS::ServiceDiscovery::Service");
    expect(registered).toMatchObject({ Name: "server", DnsConfig: { DnsRecords: [{ Type: "A", TTL: 10 }] } });
    // Two services of one namespace can't have one name: Service Connect registers under another.
    expect(service.ServiceConnectConfiguration.Services[0].DiscoveryName).not.toBe(registered.Name);
    expect(service.ServiceRegistries).toHaveLength(1);
  });

  it("no public IP", () => {
    expect(service.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp).toBe("DISABLED");
  });

  it("waits for its way to the file system", () => {
    const { DependsOn } = Object.values(server.findResources("AWS::ECS::Service"))[0]!;
    expect(DependsOn).toContainEqual(expect.stringMatching(/MountState/));
  });
});

describe("Security group", () => {
  it("out: 443, 2049, 53 TCP and UDP; 2049 to the file system alone", () => {
    const { SecurityGroupEgress } = only(server, "AWS::EC2::SecurityGroup", /^ServerSecurityGroup/);
    expect(
      SecurityGroupEgress.map((rule: Record<string, unknown>) => [
        rule.IpProtocol,
        rule.FromPort,
        rule.ToPort,
        rule.CidrIp ?? "group",
      ]),
    ).toEqual([
      ["tcp", 443, 443, "0.0.0.0/0"],
      ["tcp", 2049, 2049, "group"],
      ["tcp", 53, 53, "0.0.0.0/0"],
      ["udp", 53, 53, "0.0.0.0/0"],
    ]);
  });
});

describe("IAM", () => {
  it("execution: own log group, and nothing that was not asked for", () => {
    expect(statements(server, /ServerTaskExecutionRole/)).toEqual([
      {
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: { "Fn::GetAtt": [expect.stringMatching(/^ServerLogGroup/), "Arn"] },
      },
    ]);
  });

  it("task: ssmmessages for ECS Exec", () => {
    expect(execStatements(state)[0].Action).toEqual([
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ]);
  });

  it("roles can be taken by ECS tasks of this account alone", () => {
    state.hasResourceProperties("AWS::IAM::Role", {
      AssumeRolePolicyDocument: {
        Statement: [
          Match.objectLike({
            Principal: { Service: "ecs-tasks.amazonaws.com" },
            Condition: Match.objectLike({ StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } }),
          }),
        ],
      },
    });
  });
});

describe("Logs", () => {
  it("/ecs/<stack>/server, 14 days", () => {
    server.hasResourceProperties("AWS::Logs::LogGroup", {
      LogGroupName: "/ecs/dbward-test/server",
      RetentionInDays: 14,
    });
    expect(container(server).LogConfiguration.LogDriver).toBe("awslogs");
  });
});

describe("Outputs", () => {
  it("ClusterName, ServerSecurityGroupId, ServerEndpoint, TransportSecurity, FileSystemId, BucketName", () => {
    for (const name of ["ClusterName", "ServerSecurityGroupId", "ServerEndpoint", "TransportSecurity"])
      expect(Object.keys(server.findOutputs("*"))).toContain(name);
    for (const name of ["FileSystemId", "BucketName"])
      expect(Object.keys(state.findOutputs("*"))).toContain(name);
  });

  it("UpgradeCommand, and the command that shows what runs", () => {
    expect(server.findOutputs("UpgradeCommand").UpgradeCommand!.Value).toContain("--stage test");
    expect(server.findOutputs("StatusCommand").StatusCommand!.Value).toBe("pnpm ops status --stage test");
  });
});

function execStatements(template: Template) {
  return statements(template, /^ServerTaskRole/).filter(({ Action }) =>
    JSON.stringify(Action).includes("ssmmessages:"),
  );
}

function arnEndingIn(end: string) {
  return { "Fn::Join": ["", expect.arrayContaining([expect.stringMatching(new RegExp(`${end}$`))])] };
}
