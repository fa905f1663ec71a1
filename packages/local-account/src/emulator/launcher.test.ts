import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStackResourceCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from "@aws-sdk/client-cloudformation";
import { CloudWatchClient, DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import {
  DescribeAddressesCommand,
  DescribeFlowLogsCommand,
  DescribeNatGatewaysCommand,
  DescribeSecurityGroupsCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import {
  DescribeClustersCommand,
  DescribeServicesCommand,
  ECSClient,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { GetFunctionConfigurationCommand, InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretCommand,
} from "@aws-sdk/client-secrets-manager";
import { Deadline } from "@dbward-aws/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientConfig, newCredentials } from "../account/index.ts";
import { freePort } from "../processes/free-port.ts";
import { processStart } from "../processes/process-group.ts";
import { allow, makeRole } from "../rights/test-support/make-role.ts";
import { makeTemporaryDirectory, temporaryDirectory } from "../test-support/temporary-directory.ts";
import { bootstrapAccount, type Emulator, findPython, installEmulator, startEmulator } from "./index.ts";
import { LAUNCHER } from "./install.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
/** Where a function finds the SDK that its code leaves out. */
const SDK = fileURLToPath(new URL("../../node_modules", import.meta.url));
/** Manifest of the CDK's command line tool, which brings the template. */
const CDK = createRequire(join(ROOT, "package.json")).resolve("aws-cdk/package.json");
const CACHE = join(ROOT, ".local", "cache");
/** The build machine has Python; elsewhere its absence is not a fault of the code. */
const canRun = process.env.CI !== undefined || (await findPython()).source !== undefined;
const STACK = { StackName: "launcher" };
const WAIT = { maxWaitTime: 30, minDelay: 0.1, maxDelay: 0.5 };

/** Every type that the launcher adds, and what the emulator's own types leave out. */
const RESOURCES = {
  Vpc: { Type: "AWS::EC2::VPC", Properties: { CidrBlock: "10.0.0.0/16" } },
  Subnet: {
    Type: "AWS::EC2::Subnet",
    Properties: { VpcId: { Ref: "Vpc" }, CidrBlock: "10.0.0.0/24" },
  },
  Server: group("server"),
  Agent: group("agent"),
  Ingress: {
    Type: "AWS::EC2::SecurityGroupIngress",
    Properties: rule("Server", { SourceSecurityGroupId: { Ref: "Agent" } }),
  },
  Egress: {
    Type: "AWS::EC2::SecurityGroupEgress",
    Properties: rule("Agent", { DestinationSecurityGroupId: { Ref: "Server" } }),
  },
  Address: { Type: "AWS::EC2::EIP", Properties: { Domain: "vpc" } },
  Gateway: {
    Type: "AWS::EC2::NatGateway",
    Properties: {
      SubnetId: { Ref: "Subnet" },
      AllocationId: { "Fn::GetAtt": ["Address", "AllocationId"] },
    },
  },
  FlowLog: {
    Type: "AWS::EC2::FlowLog",
    Properties: {
      ResourceId: { Ref: "Vpc" },
      ResourceType: "VPC",
      TrafficType: "REJECT",
      LogGroupName: "flow",
    },
  },
  Plan: {
    Type: "AWS::Backup::BackupPlan",
    Properties: {
      BackupPlan: {
        BackupPlanName: "daily",
        BackupPlanRule: [{ RuleName: "daily", TargetBackupVault: "Default" }],
      },
    },
  },
  Selection: {
    Type: "AWS::Backup::BackupSelection",
    Properties: {
      BackupPlanId: { Ref: "Plan" },
      BackupSelection: {
        SelectionName: "files",
        IamRoleArn: "arn:aws:iam::000000000000:role/backup",
        Resources: ["*"],
      },
    },
  },
  Alarm: {
    Type: "AWS::CloudWatch::Alarm",
    Properties: {
      AlarmName: "launcher-metric",
      Namespace: "Test",
      MetricName: "Value",
      Statistic: "Maximum",
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: "GreaterThanThreshold",
    },
  },
  Composite: {
    Type: "AWS::CloudWatch::CompositeAlarm",
    Properties: { AlarmName: "launcher-composite", AlarmRule: 'ALARM("launcher-metric")' },
    DependsOn: "Alarm",
  },
  Cluster: { Type: "AWS::ECS::Cluster", Properties: { ClusterName: "launcher" } },
  Providers: {
    Type: "AWS::ECS::ClusterCapacityProviderAssociations",
    Properties: {
      Cluster: { Ref: "Cluster" },
      CapacityProviders: ["FARGATE", "FARGATE_SPOT"],
      DefaultCapacityProviderStrategy: [{ CapacityProvider: "FARGATE", Weight: 1 }],
    },
  },
  Definition: {
    Type: "AWS::ECS::TaskDefinition",
    Properties: { Family: "launcher", ContainerDefinitions: [{ Name: "main", Image: "image:1" }] },
  },
  Service: {
    Type: "AWS::ECS::Service",
    Properties: {
      ServiceName: "launcher",
      Cluster: { Ref: "Cluster" },
      TaskDefinition: { Ref: "Definition" },
      DesiredCount: 0,
      EnableExecuteCommand: true,
      HealthCheckGracePeriodSeconds: 60,
      PropagateTags: "SERVICE",
    },
    DependsOn: "Providers",
  },
  Target: {
    Type: "AWS::ApplicationAutoScaling::ScalableTarget",
    Properties: {
      MinCapacity: 1,
      MaxCapacity: 2,
      ResourceId: "service/launcher/launcher",
      ScalableDimension: "ecs:service:DesiredCount",
      ServiceNamespace: "ecs",
    },
  },
  Policy: {
    Type: "AWS::ApplicationAutoScaling::ScalingPolicy",
    Properties: {
      PolicyName: "cpu",
      PolicyType: "TargetTrackingScaling",
      ScalingTargetId: { Ref: "Target" },
    },
  },
  Empty: { Type: "AWS::SecretsManager::Secret", Properties: { Name: "launcher/empty" } },
};

/** Answers every request of CloudFormation with success. */
const ANSWER = `exports.handler = ({ ResponseURL, ...request }) => fetch(ResponseURL, {
  method: "PUT",
  body: JSON.stringify({ ...request, Status: "SUCCESS", PhysicalResourceId: "asked" }),
});`;

function parameter(Name: string, more: object = {}) {
  return { Type: "AWS::SSM::Parameter", Properties: { Name, Type: "String", Value: "1" }, ...more };
}

function group(name: string) {
  return { Type: "AWS::EC2::SecurityGroup", Properties: { GroupDescription: name, VpcId: { Ref: "Vpc" } } };
}

function rule(groupName: string, peer: object) {
  return { GroupId: { Ref: groupName }, IpProtocol: "tcp", FromPort: 3000, ToPort: 3000, ...peer };
}

const directory = makeTemporaryDirectory();
let python: string;
let emulator: Emulator;
/** Functions whose variables the emulator has asked for. */
const asked: unknown[] = [];
let config: ReturnType<typeof clientConfig>;
let cloudFormation: CloudFormationClient;
const credentials = newCredentials();

describe.skipIf(!canRun)("the launcher", () => {
  beforeAll(async () => {
    const deadline = Deadline.after(110_000);
    python = await installEmulator({ cacheDirectory: CACHE, log: `${directory}/install.log`, deadline });
    const port = await freePort();
    emulator = await startEmulator({
      python,
      directory,
      port,
      credentials,
      functionVariables: ({ name, securityGroups, variables }) => {
        asked.push({ name, securityGroups });
        return { ...variables, URL: "http://127.0.0.1:4321/health" };
      },
      deadline,
    });
    config = clientConfig({ endpoint: emulator.endpoint, credentials });
    cloudFormation = new CloudFormationClient(config);
    await cloudFormation.send(
      new CreateStackCommand({ ...STACK, TemplateBody: JSON.stringify({ Resources: RESOURCES }) }),
    );
    await waitUntilStackCreateComplete({ client: cloudFormation, ...WAIT }, STACK);
  }, 120_000);

  afterAll(() => emulator?.close());

  async function physicalId(LogicalResourceId: keyof typeof RESOURCES): Promise<string> {
    const { StackResourceDetail } = await cloudFormation.send(
      new DescribeStackResourceCommand({ ...STACK, LogicalResourceId }),
    );
    return StackResourceDetail?.PhysicalResourceId ?? "";
  }

  it("keeps the rules of security groups where EC2 shows them", async () => {
    const [server, agent] = [await physicalId("Server"), await physicalId("Agent")];
    const { SecurityGroups = [] } = await new EC2Client(config).send(
      new DescribeSecurityGroupsCommand({ GroupIds: [server, agent] }),
    );
    const find = (id: string) => SecurityGroups.find(({ GroupId }) => GroupId === id);
    expect(find(server)?.IpPermissions).toMatchObject([
      { FromPort: 3000, ToPort: 3000, UserIdGroupPairs: [{ GroupId: agent }] },
    ]);
    expect(find(agent)?.IpPermissionsEgress).toContainEqual(
      expect.objectContaining({
        FromPort: 3000,
        UserIdGroupPairs: [expect.objectContaining({ GroupId: server })],
      }),
    );
  });

  it("keeps gateway, address and flow log where EC2 shows them", async () => {
    const ec2 = new EC2Client(config);
    const { NatGateways } = await ec2.send(
      new DescribeNatGatewaysCommand({ NatGatewayIds: [await physicalId("Gateway")] }),
    );
    expect(NatGateways).toMatchObject([{ State: "available", SubnetId: await physicalId("Subnet") }]);
    const { Addresses = [] } = await ec2.send(new DescribeAddressesCommand({}));
    expect(Addresses.map(({ PublicIp }) => PublicIp)).toContain(await physicalId("Address"));
    const { FlowLogs } = await ec2.send(new DescribeFlowLogsCommand({}));
    expect(FlowLogs).toMatchObject([{ ResourceId: await physicalId("Vpc"), TrafficType: "REJECT" }]);
  });

  it("keeps composite alarms where CloudWatch shows them", async () => {
    const { CompositeAlarms } = await new CloudWatchClient(config).send(
      new DescribeAlarmsCommand({ AlarmTypes: ["CompositeAlarm"], AlarmNames: ["launcher-composite"] }),
    );
    expect(CompositeAlarms).toMatchObject([{ AlarmRule: 'ALARM("launcher-metric")' }]);
  });

  it("passes the properties of a cluster and a service on to ECS", async () => {
    const ecs = new ECSClient(config);
    const { clusters } = await ecs.send(new DescribeClustersCommand({ clusters: ["launcher"] }));
    expect(clusters).toMatchObject([{ capacityProviders: ["FARGATE", "FARGATE_SPOT"] }]);
    const { services } = await ecs.send(
      new DescribeServicesCommand({ cluster: "launcher", services: ["launcher"] }),
    );
    expect(services).toMatchObject([
      { enableExecuteCommand: true, healthCheckGracePeriodSeconds: 60, propagateTags: "SERVICE" },
    ]);
  });

  it("states times to the millisecond, as AWS does", async () => {
    const secretsManager = new SecretsManagerClient(config);
    const ecs = new ECSClient(config);
    const SecretId = "launcher/times";
    const before = Date.now();
    await secretsManager.send(new CreateSecretCommand({ Name: SecretId, SecretString: "1" }));
    await secretsManager.send(new PutSecretValueCommand({ SecretId, SecretString: "2" }));
    await secretsManager.send(new UpdateSecretCommand({ SecretId, SecretString: "3" }));
    await ecs.send(
      new UpdateServiceCommand({ cluster: "launcher", service: "launcher", forceNewDeployment: true }),
    );
    const { Versions = [] } = await secretsManager.send(new ListSecretVersionIdsCommand({ SecretId }));
    const { services } = await ecs.send(
      new DescribeServicesCommand({ cluster: "launcher", services: ["launcher"] }),
    );
    const times = [
      ...Versions.map(({ CreatedDate }) => CreatedDate),
      services?.[0]?.deployments?.[0]?.createdAt,
    ];
    // Secrets Manager keeps the last two versions.
    expect(times).toHaveLength(3);
    for (const time of times) {
      expect(time!.getTime()).toBeGreaterThanOrEqual(before);
      expect(time!.getTime()).toBeLessThanOrEqual(Date.now());
    }
  });

  it("creates no version for a secret without a value, as AWS does", async () => {
    const secret = await new SecretsManagerClient(config).send(
      new DescribeSecretCommand({ SecretId: "launcher/empty" }),
    );
    expect(secret.VersionIdsToStages ?? {}).toEqual({});
  });

  it("asks a custom resource when everything that it could wait for is there", async () => {
    const stack = { StackName: "custom" };
    const Resources = {
      Asked: { Type: "Custom::Asked", Properties: { ServiceToken: { "Fn::GetAtt": ["Function", "Arn"] } } },
      Dependent: parameter("/dependent", { DependsOn: "Asked" }),
      Function: {
        Type: "AWS::Lambda::Function",
        Properties: {
          Runtime: "nodejs22.x",
          Handler: "index.handler",
          Role: "arn:aws:iam::000000000000:role/asked",
          Code: { ZipFile: ANSWER },
        },
      },
      Waited: parameter("/waited"),
    };
    await cloudFormation.send(
      new CreateStackCommand({ ...stack, TemplateBody: JSON.stringify({ Resources }) }),
    );
    await waitUntilStackCreateComplete({ client: cloudFormation, ...WAIT }, stack);
    const { StackEvents = [] } = await cloudFormation.send(new DescribeStackEventsCommand(stack));
    const created = StackEvents.filter(({ ResourceStatus }) => ResourceStatus === "CREATE_COMPLETE");
    expect(created.map(({ LogicalResourceId }) => LogicalResourceId).reverse()).toEqual([
      "Function",
      "Waited",
      "Asked",
      "Dependent",
      "custom",
    ]);
  });

  it("asks for the variables of a function in a VPC, and shows those of its configuration", async () => {
    const stack = { StackName: "function" };
    const Variables = { URL: "http://server.vpc.internal:3000/health", OTHER: "as it is" };
    const properties = {
      Runtime: "nodejs22.x",
      Handler: "index.handler",
      Role: "arn:aws:iam::000000000000:role/function",
      Code: { ZipFile: "exports.handler = () => [process.env.URL, process.env.OTHER];" },
      Environment: { Variables },
    };
    const [SubnetId, GroupId] = await Promise.all([physicalId("Subnet"), physicalId("Agent")]);
    const VpcConfig = { SubnetIds: [SubnetId], SecurityGroupIds: [GroupId] };
    const Resources = {
      Inside: {
        Type: "AWS::Lambda::Function",
        Properties: { ...properties, FunctionName: "inside", VpcConfig },
      },
      Outside: { Type: "AWS::Lambda::Function", Properties: { ...properties, FunctionName: "outside" } },
    };
    await cloudFormation.send(
      new CreateStackCommand({ ...stack, TemplateBody: JSON.stringify({ Resources }) }),
    );
    await waitUntilStackCreateComplete({ client: cloudFormation, ...WAIT }, stack);
    const lambda = new LambdaClient(config);
    const variablesOf = async (FunctionName: string) => {
      const { Payload } = await lambda.send(new InvokeCommand({ FunctionName }));
      return JSON.parse(Buffer.from(Payload!).toString());
    };
    expect(await variablesOf("inside")).toEqual(["http://127.0.0.1:4321/health", "as it is"]);
    expect(await variablesOf("outside")).toEqual([Variables.URL, Variables.OTHER]);
    expect(asked).toEqual([{ name: "inside", securityGroups: [GroupId] }]);
    const { Environment } = await lambda.send(
      new GetFunctionConfigurationCommand({ FunctionName: "inside" }),
    );
    expect(Environment?.Variables).toEqual(Variables);
  });

  it("provides each function with keys of its role", async () => {
    const iam = new IAMClient(config);
    const Role = await makeRole(iam, "keeper", [allow(["secretsmanager:GetSecretValue"])], "lambda");
    await new SecretsManagerClient(config).send(
      new CreateSecretCommand({ Name: "kept", SecretString: "value" }),
    );
    const ask = (operation: string) =>
      `client.send(new sdk.${operation}Command({ SecretId: "kept" })).then(({ SecretString }) => SecretString, (error) => error.message)`;
    const ZipFile = [
      'const sdk = require("@aws-sdk/client-secrets-manager");',
      "const client = new sdk.SecretsManagerClient({});",
      `exports.handler = async () => [await ${ask("GetSecretValue")}, await ${ask("DescribeSecret")}];`,
    ].join("\n");
    const Resources = {
      Function: {
        Type: "AWS::Lambda::Function",
        Properties: {
          FunctionName: "keeper",
          Runtime: "nodejs22.x",
          Handler: "index.handler",
          Role,
          Code: { ZipFile },
          Environment: { Variables: { NODE_PATH: SDK } },
        },
      },
    };
    const stack = { StackName: "keys" };
    await cloudFormation.send(
      new CreateStackCommand({ ...stack, TemplateBody: JSON.stringify({ Resources }) }),
    );
    await waitUntilStackCreateComplete({ client: cloudFormation, ...WAIT }, stack);
    const { Payload } = await new LambdaClient(config).send(new InvokeCommand({ FunctionName: "keeper" }));
    expect(JSON.parse(Buffer.from(Payload!).toString())).toEqual([
      "value",
      expect.stringMatching(
        /^User: arn:aws:sts::000000000000:assumed-role\/keeper\/keeper is not authorized to perform: secretsmanager:DescribeSecret /,
      ),
    ]);
  });

  it("can be bootstrapped with the CDK's own template, once", async () => {
    const iam = new IAMClient(config);
    const options = {
      cloudFormation,
      iam,
      template: join(dirname(CDK), "lib/api/bootstrap/bootstrap-template.yaml"),
      deadline: Deadline.after(100_000),
    };
    await bootstrapAccount(options);
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: "CDKToolkit" }));
    expect(Stacks).toMatchObject([{ StackStatus: "CREATE_COMPLETE" }]);
    expect(Stacks?.[0]?.Outputs).toContainEqual(expect.objectContaining({ OutputKey: "BootstrapVersion" }));
    const { Role } = await iam.send(new GetRoleCommand({ RoleName: "AWSServiceRoleForECS" }));
    expect(Role?.Path).toBe("/aws-service-role/ecs.amazonaws.com/");
    await expect(bootstrapAccount(options)).rejects.toMatchObject({ code: "account-bootstrap-failed" });
  });

  it("changes what changes, and takes everything away with the stack", async () => {
    const Resources = structuredClone(RESOURCES);
    Resources.Ingress.Properties.FromPort = 2999;
    Resources.Composite.Properties.AlarmRule = 'OK("launcher-metric")';
    // Somebody has scaled the service, and the template changes something else of it.
    const ecs = new ECSClient(config);
    const service = { cluster: "launcher", service: "launcher" };
    await ecs.send(new UpdateServiceCommand({ ...service, desiredCount: 2 }));
    Resources.Service.Properties.HealthCheckGracePeriodSeconds = 61;
    await cloudFormation.send(
      new UpdateStackCommand({ ...STACK, TemplateBody: JSON.stringify({ Resources }) }),
    );
    await waitUntilStackUpdateComplete({ client: cloudFormation, ...WAIT }, STACK);
    const ec2 = new EC2Client(config);
    const { SecurityGroups = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand({ GroupIds: [await physicalId("Server")] }),
    );
    expect(SecurityGroups[0]?.IpPermissions).toMatchObject([{ FromPort: 2999 }]);
    const { services } = await ecs.send(
      new DescribeServicesCommand({ cluster: "launcher", services: ["launcher"] }),
    );
    expect(services).toMatchObject([{ desiredCount: 0, healthCheckGracePeriodSeconds: 61 }]);

    await cloudFormation.send(new DeleteStackCommand(STACK));
    await waitUntilStackDeleteComplete({ client: cloudFormation, ...WAIT }, STACK);
    const { FlowLogs } = await ec2.send(new DescribeFlowLogsCommand({}));
    const { CompositeAlarms } = await new CloudWatchClient(config).send(
      new DescribeAlarmsCommand({ AlarmTypes: ["CompositeAlarm"], AlarmNames: ["launcher-composite"] }),
    );
    expect([FlowLogs, CompositeAlarms]).toEqual([[], []]);
  });

  it("starts no other version than the one whose private functions it replaces", async () => {
    const folder = temporaryDirectory();
    const metadata = join(folder, "ministack-99.0.dist-info");
    mkdirSync(metadata);
    writeFileSync(join(metadata, "METADATA"), "Metadata-Version: 2.1\nName: ministack\nVersion: 99.0\n");
    const end = spawnSync(python, [LAUNCHER, join(folder, "account.sock")], {
      env: { PYTHONPATH: folder },
      encoding: "utf8",
    });
    expect([end.status, end.stderr]).toEqual([1, expect.stringMatching(/^MiniStack 99\.0 is installed, /)]);
  });

  it("ends with the process that started it, however that ends", async () => {
    const directory = temporaryDirectory();
    const port = await freePort();
    const source = `
    import { Deadline } from "@dbward-aws/core";
    import { startEmulator } from ${JSON.stringify(new URL("./emulator.ts", import.meta.url).href)};
    const { pid, socketPath } = await startEmulator({ ...${JSON.stringify({ python, directory, port, credentials })},
      deadline: Deadline.after(100_000) });
    process.send({ pid, socketPath });`;
    const parent = spawn(
      process.execPath,
      ["--conditions=@dbward-aws/source", "--import", "tsx", "--input-type=module", "--eval", source],
      {
        cwd: fileURLToPath(new URL("../..", import.meta.url)),
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      },
    );
    const [{ pid, socketPath }] = (await once(parent, "message")) as [{ pid: number; socketPath: string }];
    expect(existsSync(socketPath)).toBe(true);
    parent.kill("SIGKILL");
    await expect.poll(() => processStart(pid), { timeout: 60_000 }).toBeUndefined();
    expect(existsSync(dirname(socketPath))).toBe(false);
  });
});
