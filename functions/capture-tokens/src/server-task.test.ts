import { Deadline } from "@dbward-aws/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { capture } from "./capture.ts";
import { AwsFault } from "./test-support/aws-peer.ts";
import { newToken } from "./test-support/dbward-peer.ts";
import { DEPLOYMENT, SECRET, Stage, TASK_DEFINITION } from "./test-support/stage.ts";

const FORMER = TASK_DEFINITION.replace(/\d+$/, "6");
const FORMER_DEPLOYMENT = "ecs-svc/6000000000000000006";
/** What ECS writes when its circuit breaker gives a deployment up. */
const BREAKER = {
  rolloutState: "FAILED",
  rolloutStateReason: "ECS deployment circuit breaker: tasks failed to start.",
  failedTasks: 3,
  runningCount: 0,
};

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.start();
});
afterEach(() => stage.close());

const former = (overrides: Record<string, unknown> = {}) =>
  stage.deployment({
    id: FORMER_DEPLOYMENT,
    status: "ACTIVE",
    taskDefinition: FORMER,
    rolloutState: "COMPLETED",
    ...overrides,
  });
const formerTask = (id: string, overrides: Record<string, unknown> = {}) =>
  stage.task(id, { taskDefinitionArn: FORMER, startedBy: FORMER_DEPLOYMENT, ...overrides });
const run = (tools = stage.tools()) => capture(stage.event("Create"), tools);
const soon = (ms = 400) => stage.tools({ deadline: Deadline.after(ms) });
/** Goes on as given when the service has been asked for so many times. */
const afterLooks = (looks: number, then: () => void) => {
  stage.aws.fault = (operation) => {
    if (operation === "DescribeServices" && stage.aws.count(operation) === looks) then();
    return undefined;
  };
};

describe("a server that stops again and again", () => {
  it("fails with ECS's circuit breaker, with the last log lines", async () => {
    // ECS starts no further task: the first of three had stopped before anybody looked, and is not listed any
    // more.
    stage.aws.tasks = [stage.stoppedTask("b"), stage.stoppedTask("c")];
    stage.aws.service = stage.service([stage.deployment(BREAKER)]);
    stage.aws.logs.set("server/server/c", [
      "fatal: failed to load config server.toml",
      `token ${newToken()} \u001b]52;c;aGk=\u0007`,
    ]);
    const began = performance.now();
    await expect(run()).rejects.toThrow(
      /its deployment failed \(ECS deployment circuit breaker: tasks failed to start\).*exit code 1, "Essential container in task exited".*fatal: failed to load config server.toml \| token dbw_\[redacted\][ -~]*\[capture-server-not-running\]$/,
    );
    expect(performance.now() - began).toBeLessThan(30_000);
  });

  it("fails with its own cause when the log can't be read, and logs why", async () => {
    stage.aws.tasks = [stage.stoppedTask("c")];
    stage.aws.service = stage.service([stage.deployment(BREAKER)]);
    stage.aws.fault = (operation) =>
      operation === "DescribeLogStreams" ? new AwsFault("AccessDeniedException", "no rights") : undefined;
    await expect(run()).rejects.toThrow(/its deployment failed \(ECS deployment circuit breaker/);
    expect(stage.log.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({
        event: "capture.log-unreadable",
        task: "c",
        error: expect.objectContaining({ message: expect.stringContaining("no rights") }),
      }),
    );
  });

  it("fails at its third stopped task, where ECS counts only tasks that never ran", async () => {
    stage.aws.tasks = ["a", "b", "c"].map((id) => stage.stoppedTask(id));
    await expect(run()).rejects.toThrow(/3 tasks stopped, the last one with exit code 1/);
  });

  it("fails when ECS can't start its tasks", async () => {
    stage.aws.tasks = [];
    stage.aws.service = stage.service([stage.deployment({ failedTasks: 3, runningCount: 0 })], {
      events: [
        {
          id: "2",
          createdAt: 1_767_225_700,
          message: "(service server) is unable to consistently start tasks successfully.",
        },
        { id: "1", createdAt: 1_767_225_500, message: "(service server) has reached a steady state." },
      ],
    });
    await expect(run()).rejects.toThrow(
      /3 tasks stopped, ECS reports: \(service server\) is unable to consistently start tasks successfully\. Fix/,
    );
  });

  it("fails when its health check fails, with the log of the last task that has one", async () => {
    const unhealthy = {
      stopCode: "ServiceSchedulerInitiated",
      stoppedReason: "Task failed container health checks",
      containers: [{ name: "server", exitCode: 137 }],
    };
    stage.aws.tasks = ["a", "b", "c"].map((id) => stage.stoppedTask(id, unhealthy));
    stage.aws.logs.set("server/server/b", ["the database is locked"]);
    await expect(run()).rejects.toThrow(/exit code 137.*the database is locked/);
  });

  it("fails although its last task is still running", async () => {
    stage.aws.tasks = [stage.stoppedTask("a"), stage.task("b", { healthStatus: "UNHEALTHY" })];
    stage.aws.service = stage.service([stage.deployment(BREAKER)]);
    await expect(run()).rejects.toThrow(/its deployment failed/);
    expect(stage.container.sessions).toHaveLength(0);
  });

  it("does not fail for tasks that a user stopped, that were scaled in, or that belong to another deployment", async () => {
    stage.aws.tasks = [
      stage.stoppedTask("a", { stopCode: "UserInitiated", stoppedReason: "Task stopped by user" }),
      stage.stoppedTask("b", {
        stopCode: "ServiceSchedulerInitiated",
        stoppedReason: `Scaling activity initiated by (deployment ${DEPLOYMENT})`,
      }),
      stage.stoppedTask("c", { stopCode: "SpotInterruption" }),
      ...["d", "e", "f"].map((id) => stage.stoppedTask(id, { startedBy: FORMER_DEPLOYMENT })),
      stage.stoppedTask("g"),
    ];
    const tasks = [...stage.aws.tasks];
    afterLooks(5, () => (stage.aws.tasks = [...tasks, stage.task("h")]));
    await run();
    expect(stage.container.sessions).toHaveLength(1);
  });

  it("succeeds after a failed deployment when its task is healthy", async () => {
    stage.aws.service = stage.service([stage.deployment({ ...BREAKER, runningCount: 1 })]);
    await run();
    expect(stage.aws.valueOf(SECRET.admin)).toBe(stage.server.admin);
  });
});

describe("an update", () => {
  it("waits for the deployment of the new task definition, and uses no task of the former one", async () => {
    stage.aws.tasks = [formerTask("old")];
    stage.aws.service = stage.service([former({ status: "PRIMARY" })]);
    afterLooks(3, () => {
      stage.aws.service = stage.service([
        stage.deployment({ runningCount: 0, pendingCount: 1 }),
        former({ desiredCount: 0 }),
      ]);
    });
    setTimeout(() => (stage.aws.tasks = [formerTask("old"), stage.task("new")]), 200);
    await run();
    expect(stage.container.tasks).toEqual([stage.task("new").taskArn]);
  });

  it("does not fail because of a former deployment", async () => {
    stage.aws.tasks = ["a", "b", "c"].map((id) =>
      stage.stoppedTask(id, { taskDefinitionArn: FORMER, startedBy: FORMER_DEPLOYMENT }),
    );
    stage.aws.service = stage.service([stage.deployment({ runningCount: 0 }), former(BREAKER)]);
    afterLooks(4, () => stage.aws.tasks.push(stage.task("new")));
    await run();
  });

  it("uses the task of the new deployment when both have the same task definition", async () => {
    stage.aws.tasks = [stage.task("old", { startedBy: FORMER_DEPLOYMENT }), stage.task("new")];
    stage.aws.service = stage.service([stage.deployment(), former({ taskDefinition: TASK_DEFINITION })]);
    await run();
    expect(stage.container.tasks).toEqual([stage.task("new").taskArn]);
  });

  it("fails when ECS returns to the former task definition", async () => {
    stage.aws.tasks = [stage.stoppedTask("new")];
    stage.aws.service = stage.service([stage.deployment({ runningCount: 0 }), former()]);
    stage.aws.logs.set("server/server/new", ["fatal: no such table"]);
    afterLooks(3, () => (stage.aws.service = stage.service([former({ status: "PRIMARY" })])));
    await expect(run()).rejects.toThrow(
      /its deployment was replaced by one of .*server:6, as in a rollback\. Its last log lines: fatal: no such table/,
    );
  });

  it("says what it waited for when there is no deployment of the task definition", async () => {
    stage.aws.tasks = [formerTask("old")];
    stage.aws.service = stage.service([former({ status: "PRIMARY" })]);
    await expect(run(soon())).rejects.toThrow(/the service has no deployment of .*server:7/);
    stage.aws.serviceExists = false;
    await expect(run(soon())).rejects.toThrow(/there is no service server/);
  });
});

describe("a service with a desired count of 0", () => {
  beforeEach(() => {
    stage.aws.tasks = [];
    stage.aws.service = stage.service([stage.deployment({ desiredCount: 0, runningCount: 0 })], {
      desiredCount: 0,
    });
  });

  it("fails a first capture at once, with the command that starts the service", async () => {
    await expect(run()).rejects.toThrow(
      /desired count of 0.*aws ecs update-service --cluster \S+ --service server --desired-count 1.*\[capture-server-stopped\]/,
    );
  });

  it("does not fail an update that only checks stored tokens", async () => {
    for (const arn of Object.values(SECRET)) stage.aws.addSecret(arn, newToken());
    const { Warnings } = await capture(stage.event("Update"), stage.tools());
    expect(Warnings).toContain("[capture-server-stopped]");
  });

  it("is waited for until the update that starts it begins", async () => {
    stage.aws.service = stage.service([former({ status: "PRIMARY", desiredCount: 0 })], { desiredCount: 0 });
    afterLooks(3, () => {
      stage.aws.service = stage.service([stage.deployment()]);
      stage.aws.tasks = [stage.task("new")];
    });
    await run();
  });
});

describe("a deployment without progress", () => {
  it("is waited for until the deadline, and then described", async () => {
    stage.aws.tasks = [];
    stage.aws.service = stage.service([stage.deployment({ runningCount: 0, failedTasks: 1 })], {
      deploymentConfiguration: {
        lifecycleHooks: [{ targetType: "PAUSE", lifecycleStages: ["PRE_SCALE_UP"] }],
      },
      events: [
        {
          id: "1",
          createdAt: 1_767_225_700,
          message: "(service server) was unable to place a task: RESOURCE:ENI.",
        },
      ],
    });
    await expect(run(soon())).rejects.toThrow(
      /its deployment is IN_PROGRESS, with 1 failed tasks; a lifecycle hook of the service pauses the deployment until it is continued; ECS reports: .*RESOURCE:ENI/,
    );
  });

  it("is described with the reason why its last task stopped", async () => {
    stage.aws.tasks = [
      stage.stoppedTask("a", {
        stopCode: "TaskFailedToStart",
        stoppedReason: "CannotPullContainerError: i/o timeout",
      }),
    ];
    await expect(run(soon())).rejects.toThrow(
      /before the deadline; its deployment is IN_PROGRESS.*; the last task ended with exit code 1, "CannotPullContainerError: i\/o timeout"/,
    );
  });

  it("succeeds when it is continued", async () => {
    stage.aws.tasks = [];
    afterLooks(6, () => (stage.aws.tasks = [stage.task("new")]));
    await run();
  });
});

describe("a permission that was granted in the same update", () => {
  const CALLS = {
    exec: [
      "DescribeServices",
      "ListTasks",
      "DescribeTasks",
      "DescribeClusters",
      "GetSecretValue",
      "PutSecretValue",
    ],
    task: ["DescribeServices", "RunTask", "GetLogEvents", "GetSecretValue", "PutSecretValue"],
  } as const;
  const cases = (["exec", "task"] as const).flatMap((Method) =>
    CALLS[Method].map((operation) => [operation, Method] as const),
  );
  const denial = new AwsFault("AccessDeniedException", "User is not authorized to perform this");

  it.each(cases)("%s by method %s is repeated", async (operation, Method) => {
    let left = 3;
    stage.aws.fault = (asked) => (asked === operation && left-- > 0 ? denial : undefined);
    const patience = { ...stage.tools().patience, rightsMs: 10_000 };
    await capture(stage.event("Create", { Method }), stage.tools({ patience }));
    expect(left).toBeLessThan(0);
    expect(stage.aws.valueOf(SECRET.metrics)).toMatch(/^dbw_/);
  });

  it.each(cases)(
    "%s by method %s fails with its cause when it is still refused",
    async (operation, Method) => {
      stage.aws.fault = (asked) => (asked === operation ? denial : undefined);
      await expect(capture(stage.event("Create", { Method }), stage.tools())).rejects.toThrow(
        /User is not authorized to perform this.*\[capture-(access-denied|secret-failed|incomplete)\]/,
      );
    },
  );

  it("names the refused call when the deadline comes first", async () => {
    stage.aws.fault = (asked) => (asked === "PutSecretValue" ? denial : undefined);
    const patience = { ...stage.tools().patience, rightsMs: 60_000 };
    const deadline = Deadline.after(5_000);
    await expect(capture(stage.event("Create"), stage.tools({ patience, deadline }))).rejects.toThrow(
      /User is not authorized to perform this.*\[capture-secret-failed\]/,
    );
  });

  it("may be a role that ECS can't assume yet", async () => {
    let left = 2;
    stage.aws.fault = (asked) =>
      asked === "RunTask" && left-- > 0
        ? new AwsFault(
            "ClientException",
            "ECS was unable to assume the role 'arn:aws:iam::111122223333:role/x'.",
          )
        : undefined;
    await capture(stage.event("Create", { Method: "task" }), stage.tools());
    expect(stage.aws.valueOf(SECRET.metrics)).toMatch(/^dbw_/);
  });
});
