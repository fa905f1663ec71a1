import { request } from "node:http";
import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateClusterCommand,
  ECSClient,
  ExecuteCommandCommand,
  RunTaskCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SSMClient, StartSessionCommand } from "@aws-sdk/client-ssm";
import { callAsStage, findPython } from "@dbward-aws/local-account";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { allow, grant, makeRole } from "../../../local-account/src/rights/test-support/make-role.ts";
import { CLUSTER, FrontStage, shell, until } from "./test-support/front-stage.ts";

const LIVES = shell("exec sleep 600");

let stage: FrontStage;
beforeAll(async () => {
  if (process.env.CI === undefined && !(await findPython()).source) return;
  stage = await FrontStage.start();
  await stage.ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
}, 120_000);
beforeEach(({ skip }) => skip(stage === undefined, "the emulator needs Python 3.10 or later, or uv"));
afterAll(async () => {
  await stage?.close();
});

/** Starts a task, and waits until it runs or has ended. */
async function outcome(container: Parameters<FrontStage["define"]>[1], more = {}): Promise<Task> {
  const taskDefinition = await stage.define("judged", container, more);
  const { tasks } = await stage.ecs.send(new RunTaskCommand({ cluster: CLUSTER, taskDefinition }));
  return until(async () => {
    const task = await stage.task(tasks![0]!.taskArn!);
    return task.lastStatus === "RUNNING" || task.lastStatus === "STOPPED" ? task : undefined;
  });
}

const STARTS = { lastStatus: "RUNNING" };
const refused = (stoppedReason: RegExp) => ({
  lastStatus: "STOPPED",
  stopCode: "TaskFailedToStart",
  stoppedReason: expect.stringMatching(stoppedReason),
});

describe("a task starts only with the rights of its execution role", () => {
  it("on its secrets", async () => {
    const { ARN = "" } = await new SecretsManagerClient(stage.clientConfig).send(
      new CreateSecretCommand({ Name: "task/secret", SecretString: "value" }),
    );
    const executionRoleArn = await makeRole(stage.iam, "no-secret", [
      allow(["secretsmanager:GetSecretValue"], `${ARN}-other`),
    ]);
    const container = { ...LIVES, secrets: [{ name: "TOKEN", valueFrom: ARN }] };
    expect(await outcome(container, { executionRoleArn })).toMatchObject(
      refused(
        /^ResourceInitializationError: unable to pull secrets.*task\/secret.*AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role\/no-secret\/[0-9a-f-]+ is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:.*task\/secret-\w+ because no identity-based policy allows/,
      ),
    );
    await grant(stage.iam, "no-secret", [allow(["secretsmanager:GetSecretValue"], ARN)]);
    expect(await outcome(container, { executionRoleArn })).toMatchObject(STARTS);
  });

  it("on its parameters", async () => {
    const executionRoleArn = await makeRole(stage.iam, "no-parameter", []);
    const container = { ...LIVES, secrets: [{ name: "CONFIG", valueFrom: "/task/parameter" }] };
    expect(await outcome(container, { executionRoleArn })).toMatchObject(
      refused(/unable to pull secrets.*ssm:GetParameters on resource: arn:.*:parameter\/task\/parameter/),
    );
  });

  it("on its log", async () => {
    await new CloudWatchLogsClient(stage.clientConfig).send(
      new CreateLogGroupCommand({ logGroupName: "/judged" }),
    );
    const executionRoleArn = await makeRole(stage.iam, "no-log", []);
    const options = {
      "awslogs-group": "/judged",
      "awslogs-stream-prefix": "p",
      "awslogs-region": "us-east-1",
    };
    const container = { ...LIVES, logConfiguration: { logDriver: "awslogs" as const, options } };
    expect(await outcome(container, { executionRoleArn })).toMatchObject(
      refused(
        /^ResourceInitializationError: failed to validate logger args.*logs:CreateLogStream on resource: arn:.*:log-group:\/judged:log-stream:p\/main\//,
      ),
    );
    expect(await outcome(container, { executionRoleArn: undefined })).toMatchObject(
      refused(/execution role ARN to support log driver awslogs/),
    );
  });

  it("on its image in ECR", async () => {
    const image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/team/server:1";
    const login = allow(["ecr:GetAuthorizationToken"]);
    const executionRoleArn = await makeRole(stage.iam, "no-image", []);
    expect(await outcome({ ...LIVES, image }, { executionRoleArn })).toMatchObject(
      refused(/unable to retrieve ecr registry auth.*ecr:GetAuthorizationToken/),
    );
    const other = "arn:aws:ecr:us-east-1:000000000000:repository/other";
    const pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    await grant(stage.iam, "no-image", [login, allow(pull, other)]);
    expect(await outcome({ ...LIVES, image }, { executionRoleArn })).toMatchObject(
      refused(/^CannotPullContainerError.*ecr:BatchGetImage on resource: arn:.*:repository\/team\/server/),
    );
    await grant(stage.iam, "no-image", [login, allow(pull, other.replace("other", "team/*"))]);
    expect(await outcome({ ...LIVES, image }, { executionRoleArn })).toMatchObject(STARTS);
  });

  it("and when ECS may take it", async () => {
    const executionRoleArn = await makeRole(stage.iam, "of-lambda", [allow(["*"])], "lambda");
    expect(await outcome(LIVES, { executionRoleArn })).toMatchObject(
      refused(/^ECS was unable to assume the role 'arn:aws:iam::000000000000:role\/of-lambda'/),
    );
  });
});

describe("a file system is mounted only with the rights of the task's role", () => {
  const at = (resource: string) => `arn:aws:elasticfilesystem:us-east-1:000000000000:${resource}`;
  const mount = (...actions: string[]) =>
    allow(
      actions.map((action) => `elasticfilesystem:${action}`),
      at(`file-system/${fileSystemId}`),
      { StringEquals: { "elasticfilesystem:AccessPointArn": at("access-point/fsap-1") } },
    );
  const denied = refused(/^ResourceInitializationError: failed to invoke EFS utils.*access denied by server/);
  let fileSystemId = "";

  beforeAll(async () => {
    if (!stage) return;
    const { FileSystemId } = await efs("POST", "/file-systems", { CreationToken: "judged" });
    fileSystemId = String(FileSystemId);
    // A policy that allows no principal.
    await putPolicy({ ...allow(["elasticfilesystem:DescribeMountTargets"]), Principal: "*" });
  });

  it("read", async () => {
    const taskRoleArn = await makeRole(stage.iam, "mounting", []);
    expect(await mounted({ taskRoleArn, readOnly: true })).toMatchObject(denied);
    await grant(stage.iam, "mounting", [mount("ClientMount")]);
    expect(await mounted({ taskRoleArn, readOnly: true })).toMatchObject(STARTS);
  });

  it("written", async () => {
    const taskRoleArn = await makeRole(stage.iam, "writing", [mount("ClientMount")]);
    expect(await mounted({ taskRoleArn })).toMatchObject(refused(/elasticfilesystem:ClientWrite/));
    await grant(stage.iam, "writing", [mount("ClientMount", "ClientWrite")]);
    expect(await mounted({ taskRoleArn })).toMatchObject(STARTS);
  });

  it("through the access point that the role has", async () => {
    const taskRoleArn = await makeRole(stage.iam, "elsewhere", [mount("ClientMount")]);
    expect(await mounted({ taskRoleArn, readOnly: true, accessPointId: "fsap-2" })).toMatchObject(denied);
  });

  it("and by everybody only where its policy says so", async () => {
    expect(await mounted({ iam: "DISABLED", readOnly: true })).toMatchObject(denied);
    await putPolicy({ ...allow(["elasticfilesystem:ClientMount"]), Principal: { AWS: "*" } });
    expect(await mounted({ iam: "DISABLED", readOnly: true })).toMatchObject(STARTS);
  });

  function mounted({
    iam = "ENABLED",
    accessPointId = "fsap-1",
    readOnly = false,
    ...roles
  }: {
    readonly iam?: "ENABLED" | "DISABLED";
    readonly accessPointId?: string;
    readonly readOnly?: boolean;
    readonly taskRoleArn?: string;
  }): Promise<Task> {
    const mountPoints = [{ sourceVolume: "data", containerPath: "/data", readOnly }];
    const efsVolumeConfiguration = {
      fileSystemId,
      transitEncryption: "ENABLED",
      authorizationConfig: { iam, accessPointId },
    };
    return outcome(
      { ...LIVES, mountPoints },
      { volumes: [{ name: "data", efsVolumeConfiguration }], ...roles },
    );
  }

  async function efs(method: string, path: string, input: object): Promise<Record<string, unknown>> {
    const { socketPath, endpoint } = stage.emulator;
    const service = "elasticfilesystem";
    const { status, body } = await callAsStage(
      { socketPath, endpoint, region: "us-east-1" },
      { name: path, service, method, path: `/2015-02-01${path}`, body: JSON.stringify(input) },
    );
    expect(status, body.toString()).toBeLessThan(300);
    return JSON.parse(body.toString()) as Record<string, unknown>;
  }

  async function putPolicy(statement: object): Promise<void> {
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    await efs("PUT", `/file-systems/${fileSystemId}/policy`, { Policy });
  }
});

describe("a task's programs", () => {
  it("have keys of their role, and of no other", async () => {
    const taskRoleArn = await makeRole(stage.iam, "own-keys", []);
    const script = [
      "json=$(curl -sf http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) || exit 2",
      'case $json in *\\"Token\\":*) ;; *) exit 3;; esac',
      'sts="curl -s --aws-sigv4 aws:amz:$AWS_REGION:sts -d Action=GetCallerIdentity -d Version=2011-06-15 https://sts.$AWS_REGION.amazonaws.com/"',
      'who=$($sts -u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-security-token: $AWS_SESSION_TOKEN")',
      "case $who in *assumed-role/own-keys/*) exit 0;; *) exit 4;; esac",
    ].join("\n");
    const { taskArn } = await outcome(shell(script), { taskRoleArn });
    const task = await until(async () => {
      const it = await stage.task(taskArn!);
      return it.lastStatus === "STOPPED" ? it : undefined;
    });
    expect(task.containers![0]!.exitCode).toBe(0);
  });

  it("have none without a role", async () => {
    const script = 'test -z "$AWS_ACCESS_KEY_ID$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"';
    const { taskArn } = await outcome(shell(script), { taskRoleArn: undefined });
    const task = await until(async () => {
      const it = await stage.task(taskArn!);
      return it.lastStatus === "STOPPED" ? it : undefined;
    });
    expect(task.containers![0]!.exitCode).toBe(0);
  });
});

describe("ECS Exec", () => {
  async function execIn(taskRoleArn: string): Promise<unknown> {
    const taskDefinition = await stage.define("exec", LIVES, { taskRoleArn });
    const { tasks } = await stage.ecs.send(
      new RunTaskCommand({ cluster: CLUSTER, taskDefinition, enableExecuteCommand: true }),
    );
    const task = tasks![0]!.taskArn!;
    await until(
      async () =>
        (await stage.task(task)).containers?.[0]?.managedAgents?.[0]?.lastStatus === "RUNNING" || undefined,
    );
    return stage.ecs
      .send(new ExecuteCommandCommand({ cluster: CLUSTER, task, command: "true", interactive: true }))
      .then(
        ({ session }) => (session ? "session" : "none"),
        ({ name }: Error) => name,
      );
  }

  it("does not reach an agent that may not open its channels", async () => {
    const without = await makeRole(stage.iam, "no-channels", [allow(["ssmmessages:CreateControlChannel"])]);
    expect(await execIn(without)).toBe("TargetNotConnectedException");
    expect(await execIn(stage.roles.taskRoleArn)).toBe("session");
  });

  it("is refused to a role that has it for another container or cluster", async () => {
    const { taskArn: task } = await outcome(LIVES);
    const cluster = `arn:aws:ecs:us-east-1:000000000000:cluster/${CLUSTER}`;
    const may = (inCluster: string, container: string) =>
      allow(["ecs:ExecuteCommand"], [cluster, task!.replace(/[^/]+$/, "*")], {
        ArnEquals: { "ecs:cluster": inCluster },
        StringEquals: { "ecs:container-name": container },
      });
    const exec = async (name: string) => {
      const credentials = stage.emulator.judge.keysOf({
        role: `arn:aws:iam::000000000000:role/${name}`,
        name: "test",
      });
      const ecs = new ECSClient({
        ...stage.clientConfig,
        credentials,
        maxAttempts: 1,
      });
      const command = new ExecuteCommandCommand({
        cluster: CLUSTER,
        task: task!,
        container: "main",
        command: "true",
        interactive: true,
      });
      return ecs.send(command).catch(({ name: error }: Error) => error);
    };
    await makeRole(stage.iam, "other-container", [may(cluster, "sidecar")]);
    await makeRole(stage.iam, "other-cluster", [may(`${cluster}2`, "main")]);
    await makeRole(stage.iam, "right-place", [may(cluster, "main")]);
    expect(await exec("other-container")).toBe("AccessDeniedException");
    expect(await exec("other-cluster")).toBe("AccessDeniedException");
    // Let through by the judge: it is the task that has no agent.
    expect(await exec("right-place")).toBe("InvalidParameterException");
  });
});

describe("a port session", () => {
  const DOCUMENT = "arn:aws:ssm:us-east-1::document/AWS-StartPortForwardingSession";

  /** Clients with the keys of a role. */
  function as(name: string) {
    const role = `arn:aws:iam::000000000000:role/${name}`;
    const credentials = stage.emulator.judge.keysOf({ role, name: "operator" });
    const config = { ...stage.clientConfig, credentials, maxAttempts: 1 };
    return { ecs: new ECSClient(config), ssm: new SSMClient(config) };
  }

  let target: string;
  let task: string;

  beforeAll(async () => {
    const taskDefinition = await stage.define("port", LIVES);
    const { tasks } = await stage.ecs.send(
      new RunTaskCommand({ cluster: CLUSTER, taskDefinition, enableExecuteCommand: true }),
    );
    task = tasks![0]!.taskArn!;
    const container = await until(async () => {
      const [found] = (await stage.task(task)).containers ?? [];
      return found?.managedAgents?.[0]?.lastStatus === "RUNNING" ? found : undefined;
    });
    target = `ecs:${CLUSTER}_${task.split("/").at(-1)}_${container.runtimeId}`;
  }, 60_000);

  const start = (name: string) =>
    as(name).ssm.send(
      new StartSessionCommand({
        Target: target,
        DocumentName: "AWS-StartPortForwardingSession",
        Parameters: { portNumber: ["80"] },
      }),
    );

  /** Opens a session's socket with a signed request. @returns the status of the answer */
  async function open(name: string, streamUrl: string, date = new Date()): Promise<number | undefined> {
    const { ecs } = as(name);
    const url = new URL(streamUrl);
    const signer = await ecs.config.signer();
    const { headers } = await signer.sign(
      {
        method: "GET",
        protocol: url.protocol,
        hostname: url.hostname,
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: { host: url.host },
      },
      { signingService: "ssmmessages", signingRegion: "us-east-1", signingDate: date },
    );
    return new Promise((resolve, reject) => {
      const asked = request(streamUrl.replace(/^ws/, "http"), {
        headers: {
          ...headers,
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        },
      });
      asked.once("upgrade", ({ statusCode }, socket) => {
        socket.destroy();
        resolve(statusCode);
      });
      asked.once("response", ({ statusCode }) => resolve(statusCode));
      asked.once("error", reject);
      asked.end();
    });
  }

  it("needs the right to its task and to its document", async () => {
    await makeRole(stage.iam, "port-task", [allow(["ssm:StartSession"], task)]);
    await makeRole(stage.iam, "port-document", [allow(["ssm:StartSession"], DOCUMENT)]);
    await makeRole(stage.iam, "port-both", [allow(["ssm:StartSession"], [task, DOCUMENT])]);
    await expect(start("port-task")).rejects.toThrow(`ssm:StartSession on resource: ${DOCUMENT}`);
    await expect(start("port-document")).rejects.toThrow(`ssm:StartSession on resource: ${task}`);
    expect((await start("port-both")).SessionId).toMatch(/^operator-/);
  });

  it("is opened by the keys that sign its socket, unless they are wrong or a policy denies it", async () => {
    const both = allow(["ssm:StartSession"], [task, DOCUMENT]);
    const deny = { Effect: "Deny", Action: ["ssmmessages:OpenDataChannel"], Resource: "*" } as const;
    await makeRole(stage.iam, "socket-open", [both]);
    await makeRole(stage.iam, "socket-denied", [both, deny]);
    const { StreamUrl = "" } = await start("socket-open");
    expect(await open("socket-denied", StreamUrl)).toBe(403);
    expect(await open("socket-open", StreamUrl, new Date(0))).toBe(403);
    expect(await open("socket-open", StreamUrl)).toBe(101);
  });
});

it("a role that starts a task needs the right to pass on both of its roles", async () => {
  const taskDefinition = await stage.define("passed", LIVES);
  const run = async () => {
    const credentials = stage.emulator.judge.keysOf({
      role: "arn:aws:iam::000000000000:role/starter",
      name: "test",
    });
    const ecs = new ECSClient({
      ...stage.clientConfig,
      credentials,
      maxAttempts: 1,
    });
    const command = new RunTaskCommand({ cluster: CLUSTER, taskDefinition });
    return ecs.send(command).then(
      ({ tasks = [] }) => String(tasks.length),
      ({ message }: Error) => message,
    );
  };
  const start = allow(["ecs:RunTask"], taskDefinition);
  const pass = (role: string) =>
    allow(["iam:PassRole"], role, { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } });
  const { taskRoleArn, executionRoleArn } = stage.roles;
  await makeRole(stage.iam, "starter", [start, pass(taskRoleArn)]);
  expect(await run()).toContain(
    `iam:PassRole on resource: ${executionRoleArn} because no identity-based policy allows`,
  );
  await grant(stage.iam, "starter", [start, pass(taskRoleArn), pass(executionRoleArn)]);
  expect(await run()).toBe("1");
});
