import type { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { agentSettings, serverSettings, stageSettings } from "../test-support/settings.ts";
import { only, stage, statements, templates } from "../test-support/synth.ts";

const agents = [agentSettings({ name: "payments" }), agentSettings({ token: "bootstrap" })];
const byExec = templates({ agents }).server;
const byTask = templates({ agents, capture: { method: "task", allowSessionLogging: false } });
const RESOURCE = "Custom::DbwardTokenCapture";

type Statement = { Sid: string; Action: string | string[]; Resource: unknown; Condition?: object };
const rightsOf = (template: Template): Map<string, Statement> => {
  const [policy] = only(template, "AWS::IAM::Role", /^TokenCaptureRole/).Policies;
  return new Map(policy.PolicyDocument.Statement.map((one: Statement) => [one.Sid, one]));
};
const functionOf = (template: Template) => only(template, "AWS::Lambda::Function", /^TokenCapture/);
const getAtt = (id: RegExp, attribute: string) => ({ "Fn::GetAtt": [expect.stringMatching(id), attribute] });

describe("TokenCapture", () => {
  it("knows the service by name alone, and so waits for no service", () => {
    const [resource] = Object.values(byExec.findResources(RESOURCE));
    expect(resource!.Properties.Service).toBe("server");
    expect(JSON.stringify(resource)).not.toContain("ServerService");
    expect(resource!.DependsOn).toBeUndefined();
  });

  it("begins when the service can: after the load balancer, and after what its own task needs", () => {
    const loadBalancer = { scheme: "internal", allowedCidrs: ["10.0.0.0/8"] } as const;
    const dependencies = (template: Template): string[] =>
      Object.values(template.findResources(RESOURCE))[0]!.DependsOn;
    expect(dependencies(templates({ server: serverSettings({ loadBalancer }) }).server)).toContainEqual(
      expect.stringMatching(/^ServerLoadBalancerHttp/),
    );
    expect(dependencies(byTask.server)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/MountFromCapture/),
        expect.stringMatching(/ServerFromCapture/),
        expect.stringMatching(/ExecutionRoleDefaultPolicy/),
      ]),
    );
  });

  it("refuses more agents than CloudFormation's answer has room for", () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => agentSettings({ name: `agent-${index}` }));
    expect(() => stage({ agents: many(30) })).not.toThrow();
    expect(() => stage({ agents: many(40) })).toThrow(
      /TokenCapture at test-dbward-Server\/TokenCapture can't .*\n {2}agents must be fewer.* 40 tokens are up to \d+ bytes/,
    );
  });

  it("puts its warnings into an output that is never empty", () => {
    expect(JSON.stringify(byExec.findOutputs("CaptureWarnings"))).toMatch(
      /"Tokens captured\. ",.*"Warnings"/,
    );
  });

  it("asks again with each task definition", () => {
    expect(only(byExec, RESOURCE).TaskDefinition).toEqual({
      Ref: expect.stringMatching(/^ServerTaskDefinition|^Server/),
    });
  });

  it("asks again when the stack's parameter gets a new value", () => {
    expect(byExec.findParameters("CaptureAgain").CaptureAgain).toMatchObject({ Type: "String", Default: "" });
    expect(only(byExec, RESOURCE).Again).toEqual({ Ref: "CaptureAgain" });
  });

  it("takes the bootstrap token for the agent that has it, and a minted one for every other agent", () => {
    expect(
      only(byExec, RESOURCE).AgentTokens.map((token: Record<string, unknown>) => [token.Agent, token.Source]),
    ).toEqual([
      ["app", "bootstrap"],
      ["payments", "minted"],
    ]);
  });

  it("lasts for three tasks that can't start, and is given up by CloudFormation soon after Lambda's limit", () => {
    const timeout: number = functionOf(byExec).Timeout;
    // A task that has no route to ECR, or to its file system, takes about four minutes to fail.
    expect(timeout).toBeGreaterThanOrEqual(3 * 4 * 60);
    expect(timeout).toBeLessThanOrEqual(900);
    expect(Number(only(byExec, RESOURCE).ServiceTimeout)).toBeGreaterThan(timeout);
    expect(Number(only(byExec, RESOURCE).ServiceTimeout)).toBeLessThanOrEqual(900);
  });

  it("runs outside the VPC, with nothing in its environment", () => {
    expect(functionOf(byExec).VpcConfig).toBeUndefined();
    expect(functionOf(byExec).Environment).toBeUndefined();
  });

  it("is answered by the function itself: one resource type, one function, no Provider", () => {
    expect(functionOf(byExec).Handler).toBe("index.handler");
    expect(only(byExec, RESOURCE).ServiceToken).toEqual(getAtt(/^TokenCaptureFunction/, "Arn"));
    expect(Object.keys(byExec.findResources("AWS::Lambda::Function"))).toHaveLength(1);
    expect(Object.keys(byExec.findResources("AWS::StepFunctions::StateMachine"))).toHaveLength(0);
  });
});

describe("the rights of the capture by ECS Exec", () => {
  const rights = rightsOf(byExec);

  it("are these and no others", () => {
    expect([...rights].map(([sid, { Action }]) => [sid, Action])).toEqual([
      ["WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"]],
      ["WatchService", "ecs:DescribeServices"],
      ["FindTasks", "ecs:ListTasks"],
      ["WatchTasks", "ecs:DescribeTasks"],
      ["QuoteServerLog", ["logs:DescribeLogStreams", "logs:GetLogEvents"]],
      ["ReadSecrets", "secretsmanager:GetSecretValue"],
      ["SeeSessionLogging", "ecs:DescribeClusters"],
      ["OpenSession", "ecs:ExecuteCommand"],
      ["ResumeOrEndSession", ["ssm:ResumeSession", "ssm:TerminateSession"]],
      ["FillSecrets", "secretsmanager:PutSecretValue"],
    ]);
  });

  it("open a session in this cluster's containers named server alone", () => {
    expect(rights.get("OpenSession")!.Condition).toEqual({
      ArnEquals: { "ecs:cluster": getAtt(/^Server/, "Arn") },
      StringEquals: { "ecs:container-name": "server" },
    });
  });

  it("list and describe tasks of this cluster alone", () => {
    for (const sid of ["FindTasks", "WatchTasks"]) {
      expect(rights.get(sid)!.Condition).toEqual({ ArnEquals: { "ecs:cluster": getAtt(/^Server/, "Arn") } });
    }
  });

  it("reach the stage's four secrets, by ARN", () => {
    for (const sid of ["ReadSecrets", "FillSecrets"]) {
      const resources = rights.get(sid)!.Resource as object[];
      expect(resources).toHaveLength(4);
      const sources = resources.map((resource) => Object.keys(resource)[0]);
      // An agent's comes by a parameter, so that it can be removed.
      expect(sources.sort()).toEqual(["Fn::ImportValue", "Fn::ImportValue", "Ref", "Ref"]);
    }
  });
});

describe("the capture by a one-off task", () => {
  const rights = rightsOf(byTask.server);
  const definition = only(byTask.server, "AWS::ECS::TaskDefinition", /^TokenCapture/);
  const [container] = definition.ContainerDefinitions;

  it("leaves the function neither ECS Exec nor the right to write a secret", () => {
    expect([...rights.keys()]).not.toEqual(expect.arrayContaining(["OpenSession"]));
    expect([...rights.keys()]).not.toEqual(expect.arrayContaining(["FillSecrets"]));
  });

  it("lets the function start this task definition in this cluster, and lend it its two roles", () => {
    expect(rights.get("StartCaptureTask")).toMatchObject({
      Action: "ecs:RunTask",
      Resource: { Ref: expect.stringMatching(/^TokenCaptureTaskDefinition/) },
      Condition: { ArnEquals: { "ecs:cluster": getAtt(/^Server/, "Arn") } },
    });
    expect(rights.get("LendRolesToCaptureTask")).toMatchObject({
      Resource: [
        getAtt(/^TokenCaptureTask.*ExecutionRole/, "Arn"),
        { "Fn::ImportValue": expect.stringContaining("CaptureTaskRole") },
      ],
      Condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
    });
  });

  it("lets the task write the secrets, and read none", () => {
    const rightsOfTask = statements(byTask.state, /^CaptureTaskRole/);
    expect(rightsOfTask.map(({ Action }) => Action)).toEqual([
      "elasticfilesystem:ClientMount",
      "secretsmanager:PutSecretValue",
    ]);
    expect(rightsOfTask[1].Resource).toHaveLength(4);
  });

  it("mounts the state read-only through the access point, over TLS", () => {
    expect(container.MountPoints).toEqual([
      { ContainerPath: "/data", ReadOnly: true, SourceVolume: "state" },
    ]);
    expect(definition.Volumes[0].EFSVolumeConfiguration).toMatchObject({
      TransitEncryption: "ENABLED",
      AuthorizationConfig: { IAM: "ENABLED", AccessPointId: expect.anything() },
    });
    expect(container.ReadonlyRootFilesystem).toBe(true);
  });

  it("switches ECS Exec off everywhere", () => {
    const services = [byTask.server, byTask.agents].flatMap((template) =>
      Object.values(template.findResources("AWS::ECS::Service")),
    );
    expect(services.length).toBeGreaterThan(2);
    for (const { Properties } of services) expect(Properties.EnableExecuteCommand ?? false).toBe(false);
    for (const template of Object.values(byTask))
      expect(JSON.stringify(template.toJSON())).not.toContain("ssmmessages:");
  });

  it("reaches AWS, the file system and the server, and nothing else", () => {
    const { SecurityGroupEgress } = only(byTask.server, "AWS::EC2::SecurityGroup", /^TokenCapture/);
    expect(SecurityGroupEgress).toMatchObject([
      { FromPort: 443, CidrIp: "0.0.0.0/0" },
      {
        FromPort: 2049,
        DestinationSecurityGroupId: { "Fn::ImportValue": expect.stringMatching(/FileSystem/) },
      },
      {
        FromPort: 3000,
        DestinationSecurityGroupId: { "Fn::GetAtt": [expect.stringMatching(/^Server/), "GroupId"] },
      },
    ]);
  });

  it.each([
    "http://server:3000;id",
    "http://u:p@server:3000",
    "http://server:3000?a=b",
    "http://server/$(id)",
  ])("takes no server URL that a shell would read as more than a URL: %s", (serverUrl) => {
    const capture = { method: "task", allowSessionLogging: false } as const;
    expect(() => stage({ capture, monitoring: { ...stageSettings().monitoring, serverUrl } })).toThrow(
      /serverUrl must be a URL of protocol, host, port and path alone/,
    );
  });
});
