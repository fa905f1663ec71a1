import { createServer, get, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Deadline } from "@dbward-aws/core";
import { connectToServer, findRunningContainer, forwardFromServer } from "@dbward-aws/stage";
import { afterEach, describe, expect, it } from "vitest";
import { CONTAINER, PortAccount, TASK } from "./test-support/port-account.ts";

const HEALTH = { status: "ok", version: "0.2.0", min_agent_version: "0.2.0" };
const TOKEN = `dbw_${"c0ffee00".repeat(4)}`;
const SERVICE = { cluster: CONTAINER.cluster, service: "server", container: CONTAINER.container };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(): Promise<PortAccount> {
  const account = await PortAccount.start();
  closing.push(() => account.close());
  return account;
}

/** A server on this machine, in the place of the one in the task. @returns its port */
async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

const thrown = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("connectToServer", () => {
  it("returns a client whose calls go through one session into the task", async () => {
    const account = await start();
    const seen: unknown[] = [];
    const port = await serve((request, response) => {
      seen.push([request.method, request.url, request.headers.authorization]);
      response.end(JSON.stringify(request.url === "/health" ? HEALTH : { tokens: [] }));
    });
    const connection = await connectToServer(account, SERVICE, { port });
    closing.push(() => connection.close());
    expect(connection.container).toEqual({ ...CONTAINER, task: TASK.taskArn });
    await Promise.all([connection.client.health(), connection.client.health()]);
    await connection.client.listTokens({ token: TOKEN });
    expect(seen).toEqual([
      ["GET", "/health", undefined],
      ["GET", "/health", undefined],
      ["GET", "/api/tokens", `Bearer ${TOKEN}`],
    ]);
    expect(account.calls.filter((call) => call === "StartSession")).toHaveLength(1);
    await connection.close();
    await connection.ended;
    expect(account.violations).toEqual([]);
  });

  it("takes answers of megabytes whole, and refuses longer ones", async () => {
    const account = await start();
    const agent = { status: "healthy", last_poll_ago_secs: 0, in_flight: 0, max_concurrent: 2 };
    let rows = 10_000;
    const port = await serve((_request, response) =>
      response.end(
        JSON.stringify({ agents: Array.from({ length: rows }, (_, id) => ({ id: `a${id}`, ...agent })) }),
      ),
    );
    const { client, close } = await connectToServer(account, SERVICE, { port });
    closing.push(close);
    expect(await client.agents({ token: TOKEN })).toHaveLength(10_000);
    rows = 100_000;
    await expect(client.agents({ token: TOKEN })).rejects.toMatchObject({ reason: "too-large" });
    // The connection of the abandoned answer doesn't delay the next one.
    rows = 1;
    expect(await client.agents({ token: TOKEN })).toHaveLength(1);
  });

  it("returns streams as well, for programs that speak HTTP themselves", async () => {
    const account = await start();
    const port = await serve((_request, response) => response.end("hello"));
    const { connect, close } = await connectToServer(account, SERVICE, { port });
    closing.push(close);
    const stream = connect();
    stream.end("GET / HTTP/1.0\r\n\r\n");
    expect(await text(stream)).toMatch(/\r\n\r\nhello$/);
  });

  it("names the closed port as the cause when the program in the task doesn't listen", async () => {
    const account = await start();
    const { client, close } = await connectToServer(account, SERVICE, { port: 1 });
    closing.push(close);
    await expect(client.health()).rejects.toMatchObject({
      code: "server-unreachable",
      cause: { code: "port-connection-failed", reason: "refused" },
      hint: expect.stringContaining("listens on that port"),
    });
  });

  it("says that the session has ended when a call comes after that", async () => {
    const account = await start();
    const port = await serve((_request, response) => response.end(JSON.stringify(HEALTH)));
    const { client, ended, close } = await connectToServer(account, SERVICE, { port });
    closing.push(close);
    await client.health();
    account.gateway.close();
    await expect(ended).rejects.toMatchObject({ code: "port-session-ended" });
    await expect(client.health()).rejects.toMatchObject({
      code: "server-unreachable",
      cause: { code: "port-session-ended" },
    });
  });

  it("ends with the signal that it was opened with", async () => {
    const account = await start();
    const port = await serve((_request, response) => response.end(JSON.stringify(HEALTH)));
    const controller = new AbortController();
    const { client, ended } = await connectToServer(account, SERVICE, { port, signal: controller.signal });
    await client.health();
    controller.abort(new Error("Ctrl-C"));
    await expect(ended).rejects.toThrow("Ctrl-C");
  });
});

describe("forwardFromServer", () => {
  it("opens a port on this machine", async () => {
    const account = await start();
    const port = await serve((_request, response) => response.end("hello"));
    const forwarded = await forwardFromServer(account, SERVICE, { port });
    closing.push(() => forwarded.close());
    const answer = await new Promise<string>((resolve) => {
      get(`http://127.0.0.1:${forwarded.localPort}/`, (response) => void text(response).then(resolve));
    });
    expect(answer).toBe("hello");
  });

  it("names a host that the task can't look up", async () => {
    const account = await start();
    const error = await thrown(
      forwardFromServer(account, SERVICE, { host: "db.example.internal", port: 5432 }),
    );
    expect(account.started).toMatchObject({
      DocumentName: "AWS-StartPortForwardingSessionToRemoteHost",
      Parameters: { portNumber: ["5432"], host: ["db.example.internal"] },
    });
    expect(error).toMatchObject({
      code: "port-session-ended",
      message: expect.stringContaining("db.example.internal"),
    });
  });
});

describe("a server that can't be reached", () => {
  const connect = (account: PortAccount) =>
    thrown(connectToServer(account, SERVICE, { deadline: Deadline.after(100_000) }));
  const service = (more: object) => ({ services: [{ status: "ACTIVE", ...more }] });

  it.each([
    ["doesn't exist", { services: [] }, "the service doesn't exist", "deploy the stage"],
    ["is scaled to 0", service({ desiredCount: 0 }), "its desired count is 0", "--desired-count 1"],
    [
      "is starting",
      service({ desiredCount: 1, pendingCount: 1 }),
      "1 desired, 1 starting",
      "Wait until the task has started",
    ],
    ["doesn't start", service({ desiredCount: 1, pendingCount: 0 }), "1 desired, 0 starting", "ops status"],
  ])("because the service %s", async (_why, described, what, remedy) => {
    const account = await start();
    account.answer = (operation) =>
      operation === "ListTasks" ? { taskArns: [] } : operation === "DescribeServices" ? described : undefined;
    const error = await connect(account);
    expect(error).toMatchObject({
      code: "service-not-running",
      message: expect.stringContaining(what),
      hint: expect.stringContaining(remedy),
    });
    expect(account.calls).not.toContain("StartSession");
  });

  it("because the cluster doesn't exist", async () => {
    const account = await start();
    account.refuse = () => "ClusterNotFoundException";
    expect(await connect(account)).toMatchObject({
      code: "service-not-running",
      message: expect.stringContaining("the cluster doesn't exist"),
    });
  });

  it.each([
    ["ecs:ListTasks", "ListTasks", "exec-access-denied", "ecs:ListTasks"],
    ["ecs:DescribeTasks", "DescribeTasks", "exec-access-denied", "ecs:DescribeTasks"],
    ["ssm:StartSession", "StartSession", "exec-access-denied", "ssm:StartSession on the task"],
  ])("because the caller lacks %s", async (_right, operation, code, remedy) => {
    const account = await start();
    account.refuse = (called) => (called === operation ? "AccessDeniedException" : undefined);
    expect(await connect(account)).toMatchObject({ code, hint: expect.stringContaining(remedy) });
  });

  it("because ECS Exec is off", async () => {
    const account = await start();
    account.answer = (operation) =>
      operation === "DescribeTasks" ? { tasks: [{ ...TASK, enableExecuteCommand: false }] } : undefined;
    expect(await connect(account)).toMatchObject({
      code: "server-exec-disabled",
      hint: expect.stringContaining("capture.method"),
    });
  });
});

describe("findRunningContainer", () => {
  it("waits for a task that is starting, as long as it is asked to", async () => {
    const account = await start();
    let looks = 0;
    account.answer = (operation) =>
      operation === "ListTasks" && ++looks < 2
        ? { taskArns: [] }
        : operation === "DescribeServices"
          ? { services: [] }
          : undefined;
    expect(await findRunningContainer(account, SERVICE, { waitForTask: 30_000 })).toEqual({
      ...CONTAINER,
      task: TASK.taskArn,
    });
    looks = -1000;
    const error = await thrown(findRunningContainer(account, SERVICE, { waitForTask: 10 }));
    expect(error).toMatchObject({ code: "service-not-running" });
  });

  it("takes a healthy task before a newer one, and none that has no such container", async () => {
    const account = await start();
    const task = (id: string, more: object) => ({ ...TASK, taskArn: id, ...more });
    account.answer = (operation) =>
      operation === "DescribeTasks"
        ? {
            tasks: [
              task("old", { healthStatus: "HEALTHY", startedAt: 100 }),
              task("healthy", { healthStatus: "HEALTHY", startedAt: 200 }),
              task("new", { healthStatus: "UNKNOWN", startedAt: 300 }),
              task("starting", { lastStatus: "PENDING" }),
              task("other", { healthStatus: "HEALTHY", startedAt: 400, containers: [{ name: "x" }] }),
            ],
          }
        : undefined;
    expect(await findRunningContainer(account, SERVICE)).toMatchObject({ task: "healthy" });
  });
});
