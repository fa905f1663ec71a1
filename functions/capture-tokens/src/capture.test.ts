import { Deadline } from "@dbward-aws/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { capture } from "./capture.ts";
import { AwsFault } from "./test-support/aws-peer.ts";
import { newToken } from "./test-support/dbward-peer.ts";
import { CLUSTER, SECRET, Stage } from "./test-support/stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.start();
});
afterEach(() => stage.close());

const filled = () => Object.values(SECRET).filter((arn) => stage.aws.valueOf(arn) !== undefined);
const shortly = (ms = 300) => ({ deadline: Deadline.after(ms) });

describe("Create", () => {
  it("fills every secret in one session with a token that the server takes", async () => {
    const attributes = await capture(stage.event("Create"), stage.tools());
    expect(stage.container.sessions).toHaveLength(1);
    expect(stage.aws.valueOf(SECRET.admin)).toBe(stage.server.admin);
    expect(stage.aws.valueOf(SECRET.agent)).toBe(stage.server.agent);
    expect(stage.server.tokens.get(stage.aws.valueOf(SECRET.payments)!)).toBe("agent payments");
    expect(stage.server.tokens.get(stage.aws.valueOf(SECRET.metrics)!)).toBe("user cloudwatch-poller");
    expect(attributes).toEqual({
      AdminTokenVersion: stage.aws.secrets.get(SECRET.admin)!.current,
      MetricsTokenVersion: stage.aws.secrets.get(SECRET.metrics)!.current,
      "AgentTokenVersion.ecs-agent": stage.aws.secrets.get(SECRET.agent)!.current,
      "AgentTokenVersion.payments": stage.aws.secrets.get(SECRET.payments)!.current,
      Warnings: "",
    });
  });

  it("waits for a service that is being created at the same time, and for its task", async () => {
    stage.aws.serviceExists = false;
    const task = stage.aws.tasks.pop()!;
    stage.aws.fault = () => {
      if (stage.aws.count("ListTasks") === 3) stage.aws.serviceExists = true;
      if (stage.aws.count("ListTasks") === 6) stage.aws.tasks = [task];
      return undefined;
    };
    await capture(stage.event("Create"), stage.tools());
    expect(filled()).toHaveLength(4);
  });

  it("takes no task of the former task definition", async () => {
    stage.aws.tasks = [stage.task("old", { taskDefinitionArn: `${CLUSTER}:6` })];
    await expect(capture(stage.event("Create"), stage.tools(shortly()))).rejects.toThrow(
      "no task of the new task definition was RUNNING",
    );
  });

  it("goes on in the next task when one is replaced while it is read", async () => {
    stage.container.before = (session) => {
      if (session > 1) return;
      stage.aws.tasks = [stage.task("two")];
      throw new Error("the channel was lost");
    };
    await capture(stage.event("Create"), stage.tools());
    expect(filled()).toHaveLength(4);
  });

  it("says what the exec agent said when it never gets ready", async () => {
    const managedAgents = [{ name: "ExecuteCommandAgent", lastStatus: "STOPPED", reason: "no route" }];
    stage.aws.tasks = [stage.task("one", { containers: [{ name: "server", managedAgents }] })];
    const patience = { ...stage.tools().patience, readyMs: 20 };
    await expect(capture(stage.event("Create"), stage.tools({ patience }))).rejects.toThrow(
      /ExecuteCommandAgent is STOPPED, no route.*\[capture-exec-not-ready\]/,
    );
  });

  it("gives a server up that stops again and again, with its last words", async () => {
    stage.aws.tasks = ["a", "b", "c"].map((id) => stage.stoppedTask(id));
    stage.aws.logs.set("server/server/c", [
      "fatal: failed to load config server.toml",
      `token ${newToken()}`,
    ]);
    await expect(capture(stage.event("Create"), stage.tools())).rejects.toThrow(
      /3 tasks stopped.*exit code 1, "Essential container in task exited".*fatal: failed to load config server.toml \| token dbw_\[redacted\].*\[capture-server-not-running\]/,
    );
  });

  it("does not count tasks that stopped before it began", async () => {
    const stopped = ["a", "b", "c"].map((id) => ({ ...stage.stoppedTask(id), stoppedAt: 1_000 }));
    stage.aws.tasks = [...stopped];
    stage.aws.fault = () => {
      if (stage.aws.count("ListTasks") === 5) stage.aws.tasks = [...stopped, stage.task("d")];
      return undefined;
    };
    await capture(stage.event("Create"), stage.tools());
    expect(filled()).toHaveLength(4);
  });

  it("refuses a stored token that the server does not take, and keeps it", async () => {
    const lost = newToken();
    stage.aws.addSecret(SECRET.agent, lost);
    await expect(capture(stage.event("Create"), stage.tools())).rejects.toThrow(
      /refuses the stored agent-token of ecs-agent.*\[capture-token-refused\]/,
    );
    expect(stage.aws.valueOf(SECRET.agent)).toBe(lost);
    expect(filled()).toHaveLength(4);
  });
});

describe("a file that is no token", () => {
  it.each([
    ["missing", undefined, "there is no such file"],
    ["empty", "", '0 bytes that begin with ""'],
    ["cut", "dbw_0123", '8 bytes that begin with "dbw_"'],
    ["not hex", `dbw_${"z".repeat(32)}`, '36 bytes that begin with "dbw_"'],
    ["something else", "-----BEGIN SECRET THING-----\nline\n", '34 bytes that begin with ""'],
  ])("%s: is named by length and prefix, and the others are stored", async (_name, content, found) => {
    if (content === undefined) stage.server.removeFile("agent-token");
    else stage.server.writeFile("agent-token", content);
    const failed = capture(stage.event("Create"), stage.tools());
    await expect(failed).rejects.toThrow(`agent-token holds no token: ${found}.`);
    await expect(failed).rejects.toThrow("--force-bootstrap");
    expect(filled()).toEqual([SECRET.admin, SECRET.payments, SECRET.metrics]);
  });

  it("the administrator's: the other file is stored, and nothing can be minted", async () => {
    stage.server.removeFile("admin-token");
    await expect(capture(stage.event("Create"), stage.tools())).rejects.toThrow(
      /3 things went wrong.*capture-incomplete/,
    );
    expect(filled()).toEqual([SECRET.agent]);
  });

  it("takes a token with a line end after it", async () => {
    stage.server.writeFile("agent-token", `${stage.server.agent}\n`);
    await capture(stage.event("Create"), stage.tools());
    expect(stage.aws.valueOf(SECRET.agent)).toBe(stage.server.agent);
  });
});

describe("writing a secret", () => {
  it("is tried again when throttled", async () => {
    let left = 3;
    stage.aws.fault = (operation) =>
      operation === "PutSecretValue" && left-- > 0
        ? new AwsFault("ThrottlingException", "Rate exceeded")
        : undefined;
    await capture(stage.event("Create"), stage.tools());
    expect(filled()).toHaveLength(4);
  });

  it("is reported when refused, and goes on from there next time", async () => {
    stage.aws.fault = (operation, { SecretId }) =>
      operation === "PutSecretValue" && SecretId === SECRET.metrics
        ? new AwsFault("AccessDeniedException", "not authorized to perform: secretsmanager:PutSecretValue")
        : undefined;
    await expect(capture(stage.event("Create"), stage.tools())).rejects.toThrow(
      /Filling the secret of metrics-token failed.*not authorized.*\[capture-secret-failed\]/,
    );
    expect(filled()).toEqual([SECRET.admin, SECRET.agent, SECRET.payments]);
    const before = new Map(Object.values(SECRET).map((arn) => [arn, stage.aws.valueOf(arn)]));

    stage.aws.fault = () => undefined;
    await capture(stage.event("Create"), stage.tools());
    for (const arn of [SECRET.admin, SECRET.agent, SECRET.payments]) {
      expect(stage.aws.valueOf(arn)).toBe(before.get(arn));
    }
    expect(stage.server.subjects()).toEqual([
      "agent agent",
      "agent payments",
      "user admin",
      "user cloudwatch-poller",
    ]);
  });

  it("keeps a value that another hand put in while the file was read", async () => {
    const theirs = newToken();
    stage.container.before = () => stage.aws.addSecret(SECRET.agent, theirs);
    const attributes = await capture(stage.event("Create"), stage.tools());
    expect(stage.aws.valueOf(SECRET.agent)).toBe(theirs);
    expect(attributes["AgentTokenVersion.ecs-agent"]).toBe("v0");
  });

  it("keeps the value of a version that got there first under the same id", async () => {
    const theirs = newToken();
    stage.aws.fault = (operation, { SecretId, ClientRequestToken }) => {
      if (operation === "PutSecretValue" && SecretId === SECRET.agent) {
        const secret = stage.aws.secrets.get(SECRET.agent)!;
        secret.versions.set(String(ClientRequestToken), theirs);
        secret.current = String(ClientRequestToken);
      }
      return undefined;
    };
    await capture(stage.event("Create"), stage.tools());
    expect(stage.aws.valueOf(SECRET.agent)).toBe(theirs);
  });
});

describe("an event delivered twice", () => {
  it("one after the other: the same answer, and nothing new", async () => {
    const event = stage.event("Create");
    const first = await capture(event, stage.tools());
    expect(await capture(event, stage.tools())).toEqual(first);
    expect(stage.aws.count("PutSecretValue")).toBe(4);
    expect(stage.server.subjects()).toHaveLength(4);
  });

  it("at the same time: the same answer, one version, and no token too many", async () => {
    const event = stage.event("Create");
    const [first, second] = await Promise.all([capture(event, stage.tools()), capture(event, stage.tools())]);
    expect(second).toEqual(first);
    for (const arn of Object.values(SECRET)) expect(stage.aws.secrets.get(arn)!.versions.size).toBe(1);
    expect(stage.server.subjects()).toEqual([
      "agent agent",
      "agent payments",
      "user admin",
      "user cloudwatch-poller",
    ]);
  });

  it("gets the same minted tokens when the first run's answer was lost on its way", async () => {
    stage.container.after = (session) => {
      if (session === 1) throw new Error("the channel was lost");
    };
    await capture(stage.event("Create"), stage.tools());
    expect(stage.container.sessions).toHaveLength(2);
    expect(stage.server.subjects()).toEqual([
      "agent agent",
      "agent payments",
      "user admin",
      "user cloudwatch-poller",
    ]);
    expect(stage.server.tokens.get(stage.aws.valueOf(SECRET.metrics)!)).toBe("user cloudwatch-poller");
  });
});

describe("Update", () => {
  const values = () => Object.values(SECRET).map((arn) => stage.aws.valueOf(arn));

  it("with nothing changed: changes nothing, and asks whether the tokens are still good", async () => {
    const first = await capture(stage.event("Create"), stage.tools());
    const before = values();
    expect(await capture(stage.event("Update"), stage.tools())).toEqual(first);
    expect(values()).toEqual(before);
    expect(stage.container.sessions.at(-1)!.stdout.toString()).toBe(
      "server - up\ncheck 0 200\ncheck 1 403\ncheck 2 403\ncheck 3 200\nend - ok\n",
    );
  });

  it("with a new agent: mints its token, and keeps the others", async () => {
    const AgentTokens = stage.properties().AgentTokens.slice(0, 1);
    await capture(stage.event("Create", { AgentTokens }), stage.tools());
    const [admin, agent, , metrics] = values();
    expect(stage.aws.valueOf(SECRET.payments)).toBeUndefined();

    await capture(stage.event("Update"), stage.tools());
    expect(stage.server.tokens.get(stage.aws.valueOf(SECRET.payments)!)).toBe("agent payments");
    expect([values()[0], values()[1], values()[3]]).toEqual([admin, agent, metrics]);
  });

  it("with secrets emptied by hand: fills them again, the poller's with a token made anew", async () => {
    await capture(stage.event("Create"), stage.tools());
    const lost = stage.aws.valueOf(SECRET.metrics)!;
    stage.aws.addSecret(SECRET.agent, " \n");
    stage.aws.addSecret(SECRET.metrics);
    stage.container.close();
    await capture(stage.event("Update"), stage.tools());
    expect(stage.aws.valueOf(SECRET.agent)).toBe(stage.server.agent);
    expect(stage.server.tokens.get(stage.aws.valueOf(SECRET.metrics)!)).toBe("user cloudwatch-poller");
    expect(stage.server.tokens.has(lost)).toBe(false);
  });

  it("tells of a stored token that the server no longer takes, and goes on", async () => {
    await capture(stage.event("Create"), stage.tools());
    stage.server.tokens.delete(stage.aws.valueOf(SECRET.metrics)!);
    const { Warnings } = await capture(stage.event("Update"), stage.tools());
    expect(Warnings).toMatch(
      /refuses the stored metrics-token.*put-secret-value --secret-id .*\[capture-token-refused\]/,
    );
    expect(stage.log.join("\n")).toContain(
      '{"level":"error","event":"capture.token-refused","token":"metrics-token"}',
    );
  });

  it("does not fail for a check that can't be had", async () => {
    await capture(stage.event("Create"), stage.tools());
    stage.aws.sessionLogging = "OVERRIDE";
    const { Warnings } = await capture(stage.event("Update"), stage.tools());
    expect(Warnings).toContain("[capture-session-logging]");
  });

  it("fails for a server that doesn't come up, yet not on the way back to the former task definition", async () => {
    await capture(stage.event("Create"), stage.tools());
    stage.aws.tasks = ["a", "b", "c"].map((id) => stage.stoppedTask(id));
    const old = (revision: number) => ({
      TaskDefinition: stage.properties().TaskDefinition.replace(/\d+$/, String(revision)),
    });
    await expect(capture(stage.event("Update", {}, old(6)), stage.tools())).rejects.toThrow(
      "[capture-server-not-running]",
    );
    const { Warnings } = await capture(stage.event("Update", {}, old(8)), stage.tools());
    expect(Warnings).toContain("[capture-server-not-running]");
  });
});

describe("the poller's role", () => {
  beforeEach(() => {
    stage.server.roles.clear();
  });

  it("is asked for in words when server.toml is the user's, after the other tokens are stored", async () => {
    const failed = capture(stage.event("Create", { ConfigSource: "ssm" }), stage.tools());
    await expect(failed).rejects.toThrow(
      /server.toml in SSM: \[\[auth.roles\]\] name = "cloudwatch-metrics" permissions = \["metrics.view"\]/,
    );
    expect(filled()).toEqual([SECRET.admin, SECRET.agent, SECRET.payments]);
  });

  it("is missing in a rendered server.toml only when another one runs", async () => {
    await expect(capture(stage.event("Create"), stage.tools())).rejects.toThrow("[capture-role-missing]");
  });
});

describe("a cluster that logs its sessions", () => {
  it.each(["DEFAULT", "OVERRIDE", undefined])("%s: is refused before a session", async (logging) => {
    stage.aws.sessionLogging = logging;
    await expect(capture(stage.event("Create"), stage.tools())).rejects.toThrow("[capture-session-logging]");
    expect(stage.container.sessions).toHaveLength(0);
  });

  it("is taken as it is when the settings say so", async () => {
    stage.aws.sessionLogging = "OVERRIDE";
    await capture(stage.event("Create", { AllowSessionLogging: "true" }), stage.tools());
    expect(filled()).toHaveLength(4);
  });
});

describe("properties that can't be used", () => {
  it.each([
    ["no cluster", { Cluster: "" }, "Cluster is missing"],
    ["a name for a shell", { MetricsUser: "x; rm -rf /" }, "has characters that are not allowed"],
    ["a path for a shell", { StateDirectory: "/data $(id)" }, "StateDirectory is no plain path"],
    ["a port for a shell", { Port: "80;id" }, "Port is no number"],
  ])("%s", async (_name, overrides, message) => {
    await expect(capture(stage.event("Create", overrides), stage.tools())).rejects.toThrow(message);
    expect(stage.aws.operations).toEqual([]);
  });
});

describe("method task", () => {
  const method = { Method: "task" } as const;

  it("fills every secret from one task, without a session", async () => {
    const { Warnings } = await capture(stage.event("Create", method), stage.tools());
    expect(Warnings).toBe("");
    expect(stage.container.sessions).toHaveLength(0);
    expect(stage.aws.count("RunTask")).toBe(1);
    expect(stage.aws.valueOf(SECRET.admin)).toBe(stage.server.admin);
    expect(stage.aws.valueOf(SECRET.agent)).toBe(stage.server.agent);
    expect(stage.server.tokens.get(stage.aws.valueOf(SECRET.payments)!)).toBe("agent payments");
    expect(stage.server.tokens.get(stage.aws.valueOf(SECRET.metrics)!)).toBe("user cloudwatch-poller");
  });

  it("starts no task for a server that runs and is not healthy, and gives its last words", async () => {
    stage.aws.tasks = [stage.task("one", { healthStatus: "UNKNOWN" })];
    stage.aws.logs.set("server/server/one", ["migrating the database"]);
    const patience = { ...stage.tools().patience, readyMs: 20 };
    await expect(capture(stage.event("Create", method), stage.tools({ patience }))).rejects.toThrow(
      /its health check says UNKNOWN.*migrating the database.*\[capture-server-not-running\]/,
    );
    expect(stage.aws.count("RunTask")).toBe(0);
  });

  it("writes no token into its log", async () => {
    await capture(stage.event("Create", method), stage.tools());
    expect([...stage.aws.logs.values()].flat()).toEqual([
      "server - up",
      "token 0 stored",
      "token 1 stored",
      "token 2 stored",
      "token 3 stored",
      "end - ok",
    ]);
  });

  it("starts one task for an event delivered twice at the same time", async () => {
    const event = stage.event("Create", method);
    const [first, second] = await Promise.all([capture(event, stage.tools()), capture(event, stage.tools())]);
    expect(second).toEqual(first);
    expect(stage.aws.tasks).toHaveLength(2);
  });

  it("starts none when nothing is missing", async () => {
    await capture(stage.event("Create", method), stage.tools());
    await capture(stage.event("Update", method), stage.tools());
    expect(stage.aws.count("RunTask")).toBe(1);
  });

  it("reports a file that is no token and a secret that can't be written, and stores the rest", async () => {
    stage.server.writeFile("agent-token", "nothing");
    stage.aws.fault = (operation, { SecretId }) =>
      operation === "PutSecretValue" && SecretId === SECRET.metrics
        ? new AwsFault("AccessDeniedException", "not authorized")
        : undefined;
    await expect(capture(stage.event("Create", method), stage.tools())).rejects.toThrow(
      /agent-token holds no token: 7 bytes.*Filling the secret of metrics-token failed: HTTP 400 .*not authorized/,
    );
    expect(filled()).toEqual([SECRET.admin, SECRET.payments]);
  });

  it("takes many agents in several tasks, each within what an override may hold", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `agent-with-quite-a-long-name-${index}`);
    const AgentTokens = names.map((Agent, index) => {
      const Secret = `${SECRET.payments}-${index}`;
      stage.aws.addSecret(Secret);
      return { Agent, Secret, Source: index === 0 ? "bootstrap" : "minted" } as const;
    });
    const sizes: number[] = [];
    stage.aws.fault = (operation, input) => {
      if (operation === "RunTask") sizes.push(JSON.stringify(input.overrides).length);
      return undefined;
    };
    await capture(stage.event("Create", { ...method, AgentTokens }), stage.tools());
    for (const { Secret } of AgentTokens) expect(stage.aws.valueOf(Secret)).toMatch(/^dbw_/);
    expect(sizes.length).toBe(3);
    expect(Math.max(...sizes)).toBeLessThan(8192);
  });

  it("says why a task can't be started", async () => {
    stage.aws.runTask = async () => ({ tasks: [], failures: [{ reason: "RESOURCE:ENI" }] });
    await expect(capture(stage.event("Create", method), stage.tools())).rejects.toThrow(/RESOURCE:ENI/);
  });
});

describe("secrets", () => {
  it.each(["exec", "task"] as const)(
    "by method %s: no token is logged, or thrown, or an argument of a command",
    async (Method) => {
      stage.server.writeFile("agent-token", `${stage.server.agent}more`);
      stage.server.roles.clear();
      const error: Error = await capture(stage.event("Create", { Method }), stage.tools()).then(
        () => Promise.reject(new Error("it should have failed")),
        (thrown) => thrown,
      );
      const logged = [
        error.message,
        String(error.stack),
        ...stage.log,
        ...[...stage.aws.logs.values()].flat(),
      ].join("\n");
      for (const token of stage.allTokens()) expect(logged).not.toContain(token.slice(8));
      expect(stage.container.sessions.map(({ stderr }) => stderr).join("")).toBe("");
    },
  );
});
