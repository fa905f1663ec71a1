import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { CloudFormationClient, CreateStackCommand } from "@aws-sdk/client-cloudformation";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  GetLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  DeleteServiceCommand,
  DescribeClustersCommand,
  ExecuteCommandCommand,
  ListTasksCommand,
  RunTaskCommand,
  StopTaskCommand,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { PutParameterCommand, SSMClient, StartSessionCommand } from "@aws-sdk/client-ssm";
import { Deadline } from "@dbward-aws/core";
import { EcsExec } from "@dbward-aws/ecs-exec";
import { PortForwarder } from "@dbward-aws/ecs-exec/port";
import { findPython, processStart } from "@dbward-aws/local-account";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CLUSTER, FrontStage, shell, until, variables } from "./test-support/front-stage.ts";

const CANARY = `dbw_${"c0ffee00".repeat(4)}`;
const LIVES = shell("echo up; exec sleep 600");

let stage: FrontStage;
beforeAll(async () => {
  if (process.env.CI || (await findPython()).source) stage = await FrontStage.start();
}, 120_000);
beforeEach(({ skip }) => skip(stage === undefined, "the emulator needs Python 3.10 or later, or uv"));
afterAll(async () => {
  await stage?.close();
});

async function run(script: string, overrides = {}): Promise<string> {
  const taskDefinition = await stage.define("once", shell(script), overrides);
  const { tasks } = await stage.ecs.send(new RunTaskCommand({ cluster: CLUSTER, taskDefinition }));
  return tasks![0]!.taskArn!;
}

async function ended(taskArn: string) {
  return until(async () => {
    const task = await stage.task(taskArn);
    return task.lastStatus === "STOPPED" ? task : undefined;
  });
}

describe("a one-off task", () => {
  it("runs its command and ends with its exit code", async () => {
    const task = await ended(await run("exit 7"));
    expect(task).toMatchObject({
      lastStatus: "STOPPED",
      desiredStatus: "STOPPED",
      stopCode: "EssentialContainerExited",
      stoppedReason: "Essential container in task exited",
      containers: [{ lastStatus: "STOPPED", exitCode: 7 }],
    });
    expect(task.stoppedAt).toBeInstanceOf(Date);
  });

  it("is known from the first moment, and does not count as running before it does", async () => {
    const taskDefinition = await stage.define("once", LIVES);
    const { tasks } = await stage.ecs.send(new RunTaskCommand({ cluster: CLUSTER, taskDefinition }));
    expect(tasks![0]!.lastStatus).toBe("PROVISIONING");
    const taskArn = tasks![0]!.taskArn!;
    await until(async () => (await stage.task(taskArn)).lastStatus === "RUNNING" || undefined);
    await stage.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: taskArn, reason: "enough" }));
    expect(await ended(taskArn)).toMatchObject({ stopCode: "UserInitiated", stoppedReason: "enough" });
  });

  it("is started once for a client token, also by two calls at the same time", async () => {
    const taskDefinition = await stage.define("once", shell("exit 0"));
    const start = () =>
      stage.ecs.send(new RunTaskCommand({ cluster: CLUSTER, taskDefinition, clientToken: "one" }));
    const answers = [...(await Promise.all([start(), start()])), await start()];
    const arns = answers.map(({ tasks }) => tasks![0]!.taskArn!);
    expect(new Set(arns).size).toBe(1);
    await ended(arns[0]!);
  });

  it("is refused with overrides that are too long for ECS", async () => {
    const overrides = { containerOverrides: [{ name: "main", command: ["x".repeat(8200)] }] };
    const command = new RunTaskCommand({ cluster: CLUSTER, taskDefinition: "once", overrides });
    await expect(stage.ecs.send(command)).rejects.toMatchObject({ name: "InvalidParameterException" });
  });

  it("gets its secrets, takes overrides, and leaves no token in what is written", async () => {
    const secrets = new SecretsManagerClient(stage.clientConfig);
    const ssm = new SSMClient(stage.clientConfig);
    const SecretString = JSON.stringify({ token: CANARY, port: 1 });
    const { ARN } = await secrets.send(new CreateSecretCommand({ Name: "test/json", SecretString }));
    await ssm.send(new PutParameterCommand({ Name: "/test/p", Value: "from ssm", Type: "SecureString" }));
    const taskDefinition = await stage.define("secrets", {
      ...shell(
        `echo "$TOKEN"; test "$TOKEN/$PARAMETER/$OVER" = "${CANARY.slice(0, 4)}$REST/from ssm/ridden"`,
      ),
      environment: variables({ OVER: "", REST: CANARY.slice(4) }),
      secrets: [
        { name: "TOKEN", valueFrom: `${ARN}:token::` },
        { name: "PARAMETER", valueFrom: "/test/p" },
      ],
    });
    const { tasks } = await stage.ecs.send(
      new RunTaskCommand({
        cluster: CLUSTER,
        taskDefinition,
        overrides: { containerOverrides: [{ name: "main", environment: variables({ OVER: "ridden" }) }] },
      }),
    );
    expect((await ended(tasks![0]!.taskArn!)).containers![0]!.exitCode).toBe(0);
    expect(stage.written()).not.toContain(CANARY);
  });

  it("does not start without its secret, and says which one", async () => {
    const valueFrom = "arn:aws:secretsmanager:us-east-1:000000000000:secret:none-AbCdEf";
    const taskDefinition = await stage.define("secretless", {
      ...LIVES,
      secrets: [{ name: "X", valueFrom }],
    });
    const { tasks } = await stage.ecs.send(new RunTaskCommand({ cluster: CLUSTER, taskDefinition }));
    expect(await ended(tasks![0]!.taskArn!)).toMatchObject({
      stopCode: "TaskFailedToStart",
      stoppedReason: expect.stringMatching(
        /^ResourceInitializationError: unable to pull secrets.*none-AbCdEf/,
      ),
    });
  });

  it("finds AWS and its credentials where containers find them", async () => {
    const script = [
      "json=$(curl -sf http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI)",
      'case $json in *\\"AccessKeyId\\":*) ;; *) exit 2;; esac',
      'curl -sf --aws-sigv4 aws:amz:$AWS_REGION:sts -u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-security-token: $AWS_SESSION_TOKEN" -d Action=GetCallerIdentity -d Version=2011-06-15 https://sts.$AWS_REGION.amazonaws.com/',
    ].join("\n");
    expect((await ended(await run(script))).containers![0]!.exitCode).toBe(0);
  });

  it("logs to CloudWatch, with tokens masked", async () => {
    const logs = new CloudWatchLogsClient(stage.clientConfig);
    const logGroupName = "/test/logs";
    await logs.send(new CreateLogGroupCommand({ logGroupName }));
    const options = {
      "awslogs-group": logGroupName,
      "awslogs-stream-prefix": "p",
      "awslogs-region": "us-east-1",
    };
    const taskDefinition = await stage.define("logging", {
      ...shell(`echo one; echo ${CANARY} >&2`),
      logConfiguration: { logDriver: "awslogs", options },
    });
    const { tasks } = await stage.ecs.send(new RunTaskCommand({ cluster: CLUSTER, taskDefinition }));
    const taskArn = tasks![0]!.taskArn!;
    await ended(taskArn);
    const logStreamName = `p/main/${taskArn.split("/").at(-1)}`;
    const { events } = await logs.send(
      new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true }),
    );
    expect(events!.map(({ message }) => message).sort()).toEqual(["dbw_[redacted]", "one"]);
  });
});

describe("a service", () => {
  it("runs its task, and says so truthfully", async () => {
    await stage.serve("plain", LIVES);
    const service = await stage.steady("plain");
    expect(service).toMatchObject({ runningCount: 1, pendingCount: 0, desiredCount: 1 });
    const task = await until(async () => {
      const [it] = await stage.tasksOf("plain");
      return it?.containers?.[0]?.managedAgents?.[0]?.lastStatus === "RUNNING" ? it : undefined;
    });
    expect(task).toMatchObject({
      lastStatus: "RUNNING",
      containers: [{ managedAgents: [{ name: "ExecuteCommandAgent" }] }],
    });
    const { clusters } = await stage.ecs.send(new DescribeClustersCommand({ clusters: [CLUSTER] }));
    expect(clusters![0]!.runningTasksCount).toBeGreaterThanOrEqual(1);
    expect(stage.front.services()).toContainEqual({
      cluster: CLUSTER,
      name: "plain",
      desired: 1,
      running: 1,
      command: "sh -c echo up; exec sleep 600",
      implementation: "sh",
    });
  });

  it("replaces a task that dies", async () => {
    await stage.serve("mortal", shell("echo $$ > /tmp/pid; exec sleep 600"));
    const first = await stage.runningTask("mortal");
    const pid = await pidOf(first.taskArn!);
    process.kill(pid, "SIGKILL");
    const second = await stage.runningTask("mortal", first.taskArn);
    expect(second.taskArn).not.toBe(first.taskArn);
    const stopped = await until(async () => {
      const task = await stage.task(first.taskArn!);
      return task.lastStatus === "STOPPED" ? task : undefined;
    });
    expect(stopped).toMatchObject({
      stoppedReason: "Essential container in task exited",
      containers: [{ exitCode: 137 }],
    });
  });

  it("never has two writers with 0/100, and lets the old one finish", async () => {
    const script = `
      mkdir -p /data; echo "start $$" >> /data/log
      trap 'sleep 0.3; echo "end $$" >> /data/log; exit 0' TERM
      while :; do sleep 0.05; done`;
    const volumes = [
      { name: "data", efsVolumeConfiguration: { fileSystemId: "fs-1", rootDirectory: "/one" } },
    ];
    const mountPoints = [{ sourceVolume: "data", containerPath: "/data" }];
    const taskDefinition = await stage.define("writer", { ...shell(script), mountPoints }, { volumes });
    const deploymentConfiguration = { minimumHealthyPercent: 0, maximumPercent: 100 };
    await stage.serve("writer", LIVES, { taskDefinition, deploymentConfiguration });
    const file = path.join(stage.directory, "efs", "fs-1", "one", "log");
    await until(() => existsSync(file) || undefined);
    const first = await stage.runningTask("writer");
    await stage.ecs.send(
      new UpdateServiceCommand({ cluster: CLUSTER, service: "writer", forceNewDeployment: true }),
    );
    expect((await stage.service("writer")).deployments![0]!.rolloutState).toBe("IN_PROGRESS");
    await stage.runningTask("writer", first.taskArn);
    const lines = await until(() => {
      const words = readFileSync(file, "utf8").trim().split("\n");
      return words.length === 3 ? words.map((line) => line.split(" ")) : undefined;
    });
    expect(lines.map(([word]) => word)).toEqual(["start", "end", "start"]);
    expect(lines[0]![1]).toBe(lines[1]![1]);
    await stage.steady("writer");
  });

  it("shows a forced deployment from its beginning: the old task ends before the new one is there", async () => {
    const drains = shell("trap 'sleep 1.5; exit 0' TERM; while :; do sleep 0.05; done");
    const deploymentConfiguration = { minimumHealthyPercent: 0, maximumPercent: 100 };
    await stage.serve("draining", drains, { deploymentConfiguration });
    const before = await stage.steady("draining");
    const old = await stage.runningTask("draining");
    expect(old.startedBy).toBe(before.deployments![0]!.id);

    const { service } = await stage.ecs.send(
      new UpdateServiceCommand({ cluster: CLUSTER, service: "draining", forceNewDeployment: true }),
    );
    const begun = service!.deployments!.find(({ status }) => status === "PRIMARY")!.id;
    const draining = await until(async () => {
      const now = await stage.service("draining");
      return now.runningCount === 0 ? now : undefined;
    });
    expect(draining).toMatchObject({
      runningCount: 0,
      pendingCount: 0,
      deployments: [
        { id: begun, status: "PRIMARY", rolloutState: "IN_PROGRESS", desiredCount: 1, runningCount: 0 },
        {
          id: old.startedBy,
          status: "ACTIVE",
          rolloutState: "COMPLETED",
          createdAt: before.deployments![0]!.createdAt,
        },
      ],
    });
    const { taskArns } = await stage.ecs.send(
      new ListTasksCommand({ cluster: CLUSTER, serviceName: "draining" }),
    );
    expect(taskArns).toEqual([]);

    const after = await stage.steady("draining");
    const fresh = await stage.runningTask("draining", old.taskArn);
    expect(fresh.startedBy).toBe(begun);
    const messages = after.events!.map(({ message }) => message!.replace(/[\da-f-]{36}|ecs-svc\/\w+/, "ID"));
    expect(messages.slice(0, 4)).toEqual([
      "(service draining) has reached a steady state.",
      "(service draining) (deployment ID) deployment completed.",
      "(service draining) has started 1 tasks: (task ID).",
      "(service draining) has stopped 1 running tasks: (task ID).",
    ]);
  });

  it("keeps the old task with 100/200 until the new one is healthy", async () => {
    const healthCheck = { command: ["CMD-SHELL", "test -f /tmp/ready"], interval: 5, startPeriod: 60 };
    const container = (more: string) => ({ ...shell(`${more}; exec sleep 600`), healthCheck });
    await stage.serve("rolling", container("touch /tmp/ready"));
    await stage.steady("rolling");
    const old = await stage.runningTask("rolling");
    expect(old.healthStatus).toBe("HEALTHY");
    const taskDefinition = await stage.define("rolling", container("echo $$ > /tmp/pid"));
    await stage.ecs.send(new UpdateServiceCommand({ cluster: CLUSTER, service: "rolling", taskDefinition }));
    const fresh = await stage.runningTask("rolling", old.taskArn);
    const { runningCount, deployments } = await stage.service("rolling");
    expect(runningCount).toBe(2);
    expect(deployments!.map(({ status, runningCount: count }) => [status, count])).toEqual([
      ["PRIMARY", 1],
      ["ACTIVE", 1],
    ]);
    const { taskArns } = await stage.ecs.send(
      new ListTasksCommand({ cluster: CLUSTER, serviceName: "rolling" }),
    );
    expect(taskArns!.sort()).toEqual([old.taskArn, fresh.taskArn].sort());
    await exec(fresh.taskArn!, "touch /tmp/ready");
    await stage.steady("rolling");
    await ended(old.taskArn!);
  });

  it("lists tasks by what started them, and takes no other filter beside that", async () => {
    const list = (filters: object) =>
      stage.ecs.send(new ListTasksCommand({ cluster: CLUSTER, startedBy: "nobody", ...filters }));
    expect((await list({})).taskArns).toEqual([]);
    for (const filters of [{ desiredStatus: "STOPPED" }, { family: "plain" }, { serviceName: "plain" }])
      await expect(list(filters)).rejects.toMatchObject({ name: "InvalidParameterException" });
  });

  it("replaces a task that its health check finds unhealthy", async () => {
    const healthCheck = { command: ["CMD", "test", "-f", "/tmp/ready"], interval: 5, retries: 1 };
    await stage.serve("sick", { ...LIVES, healthCheck });
    const event = await until(async () =>
      (await stage.service("sick")).events?.find(({ message }) =>
        message?.includes("failed container health checks"),
      ),
    );
    expect(event).toBeDefined();
    await stage.ecs.send(new DeleteServiceCommand({ cluster: CLUSTER, service: "sick", force: true }));
  });

  it("backs off visibly, until its circuit breaker ends the deployment", async () => {
    await stage.serve("broken", shell("exit 1"), {
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
    });
    const service = await until(async () => {
      const it = await stage.service("broken");
      return it.deployments?.[0]?.rolloutState === "FAILED" ? it : undefined;
    });
    expect(service.events!.map(({ message }) => message)).toContainEqual(
      expect.stringContaining("is unable to consistently start tasks successfully"),
    );
    expect(stage.log.join("\n")).toContain("service.backing-off");
  });

  it("rolls back to the last good task definition", async () => {
    await stage.serve(
      "rollback",
      { ...LIVES, healthCheck: { command: ["CMD", "true"], interval: 5 } },
      {
        deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
      },
    );
    const { taskDefinition: good } = await stage.steady("rollback");
    const taskDefinition = await stage.define("rollback", shell("exit 1"));
    await stage.ecs.send(new UpdateServiceCommand({ cluster: CLUSTER, service: "rollback", taskDefinition }));
    await until(async () => (await stage.service("rollback")).taskDefinition !== good || undefined);
    await until(async () => (await stage.service("rollback")).taskDefinition === good || undefined);
    await stage.steady("rollback");
  });

  it("ends all its processes when it is deleted", async () => {
    await stage.serve("deleted", shell("echo $$ > /tmp/pid; sleep 600"));
    const { taskArn } = await stage.runningTask("deleted");
    const pid = await pidOf(taskArn!);
    await stage.ecs.send(new DeleteServiceCommand({ cluster: CLUSTER, service: "deleted", force: true }));
    await until(() => processStart(pid) === undefined || undefined);
  });
});

describe("ECS Exec", () => {
  it("runs in the task's view, with exact output and exit code", async () => {
    await stage.serve("exec", {
      ...shell("echo hello > /data/file; exec sleep 600"),
      mountPoints: [{ sourceVolume: "none", containerPath: "/data" }],
      environment: variables({ GREETING: "from the container" }),
    });
    const { taskArn } = await stage.runningTask("exec");
    const result = await exec(taskArn!, 'echo "$GREETING"; printf "\\377\\000"; exit 3');
    expect([Buffer.from(result.stdout).toString("latin1"), result.exitCode]).toEqual([
      "from the container\n\u00ff\u0000",
      3,
    ]);
  });

  it("works for a service of CloudFormation's, whose setting the emulator drops", async () => {
    const cloudFormation = new CloudFormationClient(stage.clientConfig);
    const container = { Name: "main", Image: "none", Command: ["sleep", "600"], StopTimeout: 2 };
    const service = { Cluster: CLUSTER, ServiceName: "stacked", TaskDefinition: { Ref: "Definition" } };
    const Resources = {
      Definition: {
        Type: "AWS::ECS::TaskDefinition",
        Properties: {
          Family: "stacked",
          ContainerDefinitions: [container],
          TaskRoleArn: stage.roles.taskRoleArn,
        },
      },
      Service: { Type: "AWS::ECS::Service", Properties: { ...service, EnableExecuteCommand: true } },
    };
    await cloudFormation.send(
      new CreateStackCommand({ StackName: "stacked", TemplateBody: JSON.stringify({ Resources }) }),
    );
    const { taskArn } = await stage.runningTask("stacked");
    expect((await exec(taskArn!, "exit 5")).exitCode).toBe(5);
  });

  it("refuses a task that was started without it", async () => {
    await stage.serve("closed", LIVES, { enableExecuteCommand: false });
    const { taskArn, containers } = await stage.runningTask("closed");
    expect(containers![0]!.managedAgents).toBeUndefined();
    const command = new ExecuteCommandCommand({
      cluster: CLUSTER,
      task: taskArn,
      command: "true",
      interactive: true,
    });
    await expect(stage.ecs.send(command)).rejects.toMatchObject({ name: "InvalidParameterException" });
  });

  it.each([
    ["dropped", { drop: 0.05, seed: 7 }],
    ["doubled", { double: 0.5 }],
    ["reordered", { reorder: 0.5 }],
    ["delayed", { delay: 0.5, delayMs: 20 }],
    ["split", { split: 50 }],
    ["cut off once", { closeAfter: 3, sessions: 1 }],
  ])("delivers the whole output to a correct client when messages are %s", async (_what, faults) => {
    const { taskArn } = await stage.runningTask("exec");
    stage.front.setFaults(faults);
    const script = "i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done";
    const { stdout, exitCode } = await exec(taskArn!, script, { readOnly: true });
    stage.front.setFaults({});
    const lines = Array.from({ length: 500 }, (_, index) => `line ${index}\n`).join("");
    expect([Buffer.from(stdout).toString(), exitCode]).toEqual([lines, 0]);
  });

  it("can be unreachable for a number of calls", async () => {
    const { taskArn } = await stage.runningTask("plain");
    stage.front.setFaults({ refuse: 1 });
    const command = new ExecuteCommandCommand({
      cluster: CLUSTER,
      task: taskArn,
      command: "true",
      interactive: true,
    });
    await expect(stage.ecs.send(command)).rejects.toMatchObject({ name: "TargetNotConnectedException" });
    expect((await stage.ecs.send(command)).session?.streamUrl).toMatch(/^ws:\/\/127\.0\.0\.1:/);
  });
});

describe("a restart of the front", () => {
  it("ends everything and starts it again", async () => {
    await stage.serve("again", shell("echo $$ > /tmp/pid; exec sleep 600"));
    const pid = await pidOf((await stage.runningTask("again")).taskArn!);
    await stage.restartFront();
    expect(processStart(pid)).toBeUndefined();
    const { taskArn } = await stage.runningTask("again");
    expect(await pidOf(taskArn!)).not.toBe(pid);
  });
});

describe("a port session", () => {
  it("leads to the port of the task, and to no task that isn't there", { timeout: 90_000 }, async () => {
    await stage.serve("port", {
      ...shell(
        `exec node -e 'const [host, port] = process.env.LISTEN.split(":"); require("http").createServer((q, a) => a.end("hello")).listen(port, host)'`,
      ),
      portMappings: [{ containerPort: 8080 }],
      environment: variables({ LISTEN: "0.0.0.0:8080" }),
    });
    const { taskArn } = await stage.runningTask("port");
    const ssm = new SSMClient(stage.clientConfig);
    const ports = new PortForwarder({ ecs: stage.ecs, ssm });
    const port = { cluster: CLUSTER, task: taskArn!, container: "main", port: 8080 };
    const { localPort, close } = await ports.forwardPort(port);
    const answer = await until(() => fetch(`http://127.0.0.1:${localPort}/`).catch(() => undefined));
    expect(await answer.text()).toBe("hello");
    await close();
    await expect(ports.open({ ...port, task: "0".repeat(32) })).rejects.toMatchObject({
      code: "exec-task-not-found",
    });
    for (const [Target, DocumentName, name] of [
      ["ecs:test_0123_0123-1", "AWS-StartPortForwardingSession", "TargetNotConnected"],
      ["i-0123456789", "AWS-StartPortForwardingSession", "TargetNotConnected"],
      [await targetOf(taskArn!), "AWS-StartSSHSession", "InvalidDocument"],
      [await targetOf(taskArn!), "AWS-StartPortForwardingSessionToRemoteHost", "ValidationException"],
    ])
      await expect(ssm.send(new StartSessionCommand({ Target, DocumentName }))).rejects.toMatchObject({
        name,
      });
    ssm.destroy();
  });
});

async function targetOf(taskArn: string): Promise<string> {
  const [container] = (await stage.task(taskArn)).containers!;
  return `ecs:${CLUSTER}_${taskArn.split("/").at(-1)}_${container!.runtimeId}`;
}

async function exec(task: string, script: string, more: { readOnly?: boolean } = {}) {
  await until(
    async () =>
      (await stage.task(task)).containers?.[0]?.managedAgents?.[0]?.lastStatus === "RUNNING" || undefined,
  );
  const deadline = Deadline.after(100_000);
  return new EcsExec({ ecs: stage.ecs }).execute({
    cluster: CLUSTER,
    task,
    container: "main",
    script,
    deadline,
    ...more,
  });
}

/** What the task's command has written into /tmp/pid. */
async function pidOf(taskArn: string): Promise<number> {
  const file = path.join(stage.directory, "tasks", taskArn.split("/").at(-1)!, "main", "tmp", "pid");
  return until(() => (existsSync(file) && Number(readFileSync(file, "utf8"))) || undefined);
}
