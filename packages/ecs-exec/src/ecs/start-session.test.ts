import { ECSClient } from "@aws-sdk/client-ecs";
import { Deadline, type LogFields, type Logger } from "@dbward-aws/core";
import { afterEach, describe, expect, it } from "vitest";
import { type EcsAnswer, ExecService } from "../test-support/exec-service.ts";
import { startSession } from "./start-session.ts";

const CONTAINER = { cluster: "dbward-test", task: "abc", container: "server" };

let service: ExecService;
afterEach(() => service.close());

interface Start {
  readonly connectWithin?: number;
  readonly deadline?: Deadline;
  readonly logger?: Logger;
}

async function start(
  ecs: (operation: string, input: Record<string, unknown>) => EcsAnswer | undefined,
  { connectWithin, deadline, logger }: Start = {},
) {
  service = await ExecService.start({ ecs });
  return startWith(service.ecs, { connectWithin, deadline, logger });
}

function startWith(
  ecs: ECSClient,
  { connectWithin = 0, deadline = Deadline.after(100_000), logger }: Start = {},
) {
  return startSession(ecs, {
    ...CONTAINER,
    commandLine: "ls",
    deadline,
    signal: deadline.signal,
    connectWithin,
    logger,
  });
}

const CLIENT = {
  region: "eu-central-1",
  credentials: { accessKeyId: "id", secretAccessKey: "key" },
  maxAttempts: 1,
};

const refusal = (__type: string, message = "no"): EcsAnswer => ({ status: 400, body: { __type, message } });
const AMBIGUOUS =
  "The execute command failed because execute command was not enabled when the task was run or the execute command agent isn't running.";
const task = (more: object) => ({ body: { tasks: [{ lastStatus: "RUNNING", ...more }] } });
const container = (more: object = {}) => ({ containers: [{ name: "server", ...more }] });

describe("startSession", () => {
  it("asks for a terminal, which ECS requires", async () => {
    let asked: object = {};
    const session = await start((_operation, input) => {
      asked = input;
      return undefined;
    });
    expect(asked).toEqual({ ...CONTAINER, command: "ls", interactive: true });
    expect(session).toMatchObject({ sessionId: "session-1", tokenValue: "canary-token" });
  });

  it("repeats the call while the agent isn't connected, and logs it", async () => {
    const lines: [string, LogFields | undefined][] = [];
    const info = (event: string, fields?: LogFields) => lines.push([event, fields]);
    let asked = 0;
    const answer = () => (++asked === 1 ? refusal("TargetNotConnectedException") : undefined);
    const logger = { info, warn: info, error: info };
    await start(answer, { connectWithin: 10_000, logger });
    expect(lines).toEqual([
      ["exec.target-not-connected", { task: "abc", container: "server", attempt: 1, nextAttemptInMs: 500 }],
    ]);
  });

  it("fails when the agent doesn't connect in time", async () => {
    const never = start(() => refusal("TargetNotConnectedException"));
    await expect(never).rejects.toMatchObject({ code: "target-not-connected" });
    expect(service.requests).toEqual(["ExecuteCommand"]);
  });

  it.each<[string, EcsAnswer]>([
    ["exec-task-not-found", { body: { tasks: [] } }],
    ["exec-task-not-found", task({ lastStatus: "STOPPED", stoppedReason: "Essential container exited" })],
    ["exec-task-not-found", task({ containers: [{ name: "another" }] })],
    ["exec-not-enabled", task({ enableExecuteCommand: false, ...container() })],
    [
      "exec-agent-not-running",
      task(container({ managedAgents: [{ name: "ExecuteCommandAgent", lastStatus: "STOPPED" }] })),
    ],
    ["session-refused", task(container())],
    ["exec-agent-not-running", refusal("AccessDeniedException")],
  ])("looks at the task for the reason that ECS doesn't report: %s", async (code, described) => {
    const started = start((operation) =>
      operation === "DescribeTasks" ? described : refusal("InvalidParameterException", AMBIGUOUS),
    );
    await expect(started).rejects.toMatchObject({ code });
  });

  it("names the containers of the task when it has none of the name asked for", async () => {
    const started = start((operation) =>
      operation === "DescribeTasks"
        ? task({ containers: [{ name: "Server" }, { name: "proxy" }] })
        : refusal("InvalidParameterException", AMBIGUOUS),
    );
    await expect(started).rejects.toMatchObject({
      hint: 'Its containers are "Server", "proxy"; upper and lower case count.',
    });
  });

  it("distinguishes a cluster that doesn't exist from a task that was replaced", async () => {
    await expect(start(() => refusal("ClusterNotFoundException"))).rejects.toMatchObject({
      hint: expect.stringMatching(/^Check the cluster's name, and the region/),
    });
  });

  it.each([
    ["AccessDeniedException", "exec-access-denied"],
    ["ClusterNotFoundException", "exec-task-not-found"],
    ["ClientException", "session-refused"],
  ])("turns %s into the error %s", async (name, code) => {
    await expect(start(() => refusal(name))).rejects.toMatchObject({ code });
  });

  it.each<[string, EcsAnswer]>([
    ["an answer without an address", { body: {} }],
    ["an error of the server", { status: 500, body: { __type: "ServerException", message: "no" } }],
    ["an error of the gateway before it", { status: 504, body: {} }],
  ])("reports an unknown outcome after %s", async (_what, answer) => {
    await expect(start(() => answer)).rejects.toMatchObject({ code: "channel-lost" });
  });

  it("reports an unknown outcome when a request was refused after an earlier one without an answer", async () => {
    let asked = 0;
    service = await ExecService.start({
      ecs: () => (++asked === 1 ? { status: 503, body: {} } : refusal("AccessDeniedException")),
      maxAttempts: 2,
    });
    await expect(startWith(service.ecs)).rejects.toMatchObject({ code: "channel-lost" });
    expect(service.requests).toHaveLength(2);
  });

  it("reports that nothing was started when ECS can't be reached, or there are no credentials", async () => {
    service = await ExecService.start({});
    const nowhere = new ECSClient({ ...CLIENT, endpoint: "http://127.0.0.1:1" });
    await expect(startWith(nowhere)).rejects.toMatchObject({ code: "session-refused" });
    const credentials = () => Promise.reject(new Error("no profile"));
    const anonymous = new ECSClient({ ...CLIENT, endpoint: "http://127.0.0.1:1", credentials });
    await expect(startWith(anonymous)).rejects.toMatchObject({
      code: "session-refused",
      message: expect.stringContaining("no profile"),
    });
  });
});
