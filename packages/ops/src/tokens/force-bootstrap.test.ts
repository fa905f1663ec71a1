import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stageNames } from "@dbward-aws/contract";
import { createAwsClients } from "@dbward-aws/stage";
import { describe, expect, it } from "vitest";
import type { CommandContext } from "../command.ts";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { stageSettings, withAws } from "../test-support/ops-run.ts";
import { bootstrapScript, forceBootstrap } from "./force-bootstrap.ts";

const ARN = "arn:aws:ecs:eu-central-1:123456789012:task/dbward-prod/";
const NETWORK = { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } };

interface FakeTask {
  readonly taskArn: string;
  readonly startedBy?: string;
  lastStatus: string;
  desiredStatus: string;
  exitCode?: number;
}

/** ECS with the server's service and its tasks, which keeps count of what works on the server's file system. */
class FakeEcs {
  desiredCount = 1;
  readonly tasks: FakeTask[] = [
    { taskArn: `${ARN}server-1`, lastStatus: "RUNNING", desiredStatus: "RUNNING" },
  ];
  /** Times that a server was started with --force-bootstrap. */
  bootstraps = 0;
  mostWriters = 1;
  exitCode = 0;
  /** Of the server's container, whose entry point is `sh -c`. */
  command = ["true && exec dbward-server"];
  /** Looks at the tasks until one that is stopping has stopped. */
  looksUntilStopped = 1;
  input: Record<string, unknown> = {};
  #looks = 0;

  readonly answers: Answers = {
    DescribeServices: () => ({
      services: [
        {
          serviceName: "server",
          status: "ACTIVE",
          desiredCount: this.desiredCount,
          taskDefinition: "arn:aws:ecs:eu-central-1:123456789012:task-definition/dbward-prod-server:3",
          platformVersion: "1.4.0",
          networkConfiguration: NETWORK,
        },
      ],
    }),
    DescribeTaskDefinition: () => ({
      taskDefinition: {
        containerDefinitions: [{ name: "server", command: this.command }],
      },
    }),
    UpdateService: ({ desiredCount }) => {
      this.desiredCount = Number(desiredCount);
      const own = this.tasks.filter(
        ({ startedBy, desiredStatus }) => !startedBy && desiredStatus === "RUNNING",
      );
      if (this.desiredCount === 0) for (const task of own) task.desiredStatus = "STOPPED";
      else if (own.length === 0) this.#start({});
      return { service: {} };
    },
    RunTask: (input) => {
      this.input = input;
      this.bootstraps++;
      const task = this.#start({ startedBy: String(input.startedBy), exitCode: this.exitCode });
      task.desiredStatus = "STOPPED";
      return { tasks: [{ taskArn: task.taskArn }] };
    },
    ListTasks: ({ desiredStatus, serviceName, family, startedBy }) => {
      this.#look();
      // ECS takes it beside no other filter.
      expect(startedBy).toBeUndefined();
      if (family !== undefined) expect(family).toBe("dbward-prod-server");
      return {
        taskArns: this.tasks
          .filter((task) => !(serviceName && task.startedBy) && task.desiredStatus === desiredStatus)
          .map(({ taskArn }) => taskArn),
      };
    },
    DescribeTasks: ({ tasks }) => {
      this.#look();
      return {
        tasks: this.tasks
          .filter(({ taskArn }) => (tasks as string[]).includes(taskArn))
          .map(({ taskArn, startedBy, lastStatus, exitCode }) => ({
            taskArn,
            startedBy,
            lastStatus,
            stoppedReason: "Essential container in task exited",
            containers: [{ name: "server", ...(lastStatus === "STOPPED" && { exitCode }) }],
          })),
      };
    },
  };

  get writers(): number {
    return this.tasks.filter(({ lastStatus }) => lastStatus === "RUNNING").length;
  }

  #start(more: Partial<FakeTask>): FakeTask {
    const taskArn = `${ARN}${this.tasks.length + 1}`;
    const task = { taskArn, lastStatus: "RUNNING", desiredStatus: "RUNNING", ...more };
    this.tasks.push(task);
    this.mostWriters = Math.max(this.mostWriters, this.writers);
    return task;
  }

  #look(): void {
    if (++this.#looks % this.looksUntilStopped > 0) return;
    for (const task of this.tasks) if (task.desiredStatus === "STOPPED") task.lastStatus = "STOPPED";
  }
}

class Cut extends Error {}

/** A command's context; its ECS client fails at an event, of which every call is two: before it is sent, and before its answer is seen. */
async function contextOf(ecs: FakeEcs, events = Number.POSITIVE_INFINITY): Promise<CommandContext> {
  await withAws(ecs.answers);
  const clients = createAwsClients("eu-central-1");
  let left = events;
  const pass = () => {
    if (left-- <= 0) throw new Cut();
  };
  const send = clients.ecs.send.bind(clients.ecs) as (command: never) => Promise<unknown>;
  Object.assign(clients.ecs, {
    send: async (command: never) => {
      pass();
      const answer = await send(command);
      pass();
      return answer;
    },
  });
  return {
    clients,
    settings: stageSettings(),
    names: stageNames("prod"),
    signal: new AbortController().signal,
  } as unknown as CommandContext;
}

const progress = { step: () => {}, note: () => {}, done: () => {}, stop: () => {} };
const force = async (ecs: FakeEcs, events?: number) => forceBootstrap(await contextOf(ecs, events), progress);

describe("forceBootstrap", () => {
  it("runs the server's own task once with the flag, in the network of its service", async () => {
    const ecs = new FakeEcs();
    await force(ecs);
    expect([ecs.bootstraps, ecs.desiredCount, ecs.mostWriters, ecs.writers]).toEqual([1, 1, 1, 1]);
    expect(ecs.input).toMatchObject({
      taskDefinition: "arn:aws:ecs:eu-central-1:123456789012:task-definition/dbward-prod-server:3",
      launchType: "FARGATE",
      platformVersion: "1.4.0",
      networkConfiguration: NETWORK,
      overrides: {
        containerOverrides: [{ name: "server", command: [bootstrapScript("true && exec dbward-server")] }],
      },
    });
  });

  it("keeps a shell that is part of the command", async () => {
    const ecs = new FakeEcs();
    ecs.command = ["sh", "-c", "true && exec dbward-server"];
    await force(ecs);
    const [override] = (ecs.input.overrides as { containerOverrides: { command: string[] }[] })
      .containerOverrides;
    expect(override!.command).toEqual(["sh", "-c", bootstrapScript("true && exec dbward-server")]);
  });

  it("starts nothing before the last task has ended", { timeout: 60_000 }, async () => {
    const ecs = new FakeEcs();
    ecs.looksUntilStopped = 4;
    await force(ecs);
    expect([ecs.bootstraps, ecs.desiredCount, ecs.mostWriters]).toEqual([1, 1, 1]);
  });

  it("is done again after a cut at any step, and never has two servers on one file system", {
    timeout: 120_000,
  }, async () => {
    let cuts = 0;
    for (let events = 0; ; events++) {
      const ecs = new FakeEcs();
      const error = await force(ecs, events).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error === undefined) break;
      cuts++;
      await force(ecs);
      expect([ecs.desiredCount, ecs.mostWriters, ecs.writers], `after ${events} events`).toEqual([1, 1, 1]);
      expect(ecs.bootstraps).toBeGreaterThan(0);
    }
    expect(cuts).toBeGreaterThan(14);
  });

  it("starts the server again when the one-off task fails, and names its end", async () => {
    const ecs = new FakeEcs();
    ecs.exitCode = 1;
    await expect(force(ecs)).rejects.toMatchObject({
      code: "token-recovery-failed",
      message: expect.stringContaining("Essential container in task exited; exit code 1"),
    });
    expect([ecs.desiredCount, ecs.writers]).toEqual([1, 1]);
  });

  it("starts the server again when ECS starts no task", async () => {
    const ecs = new FakeEcs();
    const RunTask = () => {
      throw new AwsFault("ClientException", "no capacity");
    };
    Object.assign(ecs.answers, { RunTask });
    await expect(force(ecs)).rejects.toMatchObject({ code: "aws-call-failed" });
    expect([ecs.desiredCount, ecs.writers]).toEqual([1, 1]);
  });
});

describe("the script of the one-off task", () => {
  /** Runs it in this machine's shell, with a program in the place of the server. */
  function run(server: string) {
    const folder = mkdtempSync(join(tmpdir(), "bootstrap-"));
    try {
      writeFileSync(join(folder, "requester-token"), "old");
      const script = bootstrapScript(`true && exec ${server}`).replaceAll("/data", folder);
      const { status } = spawnSync("sh", ["-c", script], { timeout: 60_000 });
      return { status, token: readFileSync(join(folder, "requester-token"), "utf8") };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it("ends the server once the last token file has changed", () => {
    const server = `sh -c 'test "$0" = --force-bootstrap && printf new > /data/requester-token; exec sleep 600'`;
    expect(run(server)).toEqual({ status: 0, token: "new" });
  });

  it("fails when the server ends before that", () => {
    expect(run("sh -c 'exit 3'")).toEqual({ status: 1, token: "old" });
  });
});
