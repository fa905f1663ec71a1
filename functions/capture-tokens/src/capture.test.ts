import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Deadline } from "@dbward-aws/core";
import { AccessDenied, OutputTooLarge } from "@dbward-aws/ecs-exec";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { capture } from "./capture.ts";
import { AwsFault } from "./test-support/aws-peer.ts";
import { newToken } from "./test-support/dbward-peer.ts";
import { SECRET, Stage } from "./test-support/stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.start();
});
afterEach(() => stage.close());

const filled = () => Object.values(SECRET).filter((arn) => stage.aws.valueOf(arn) !== undefined);

describe("Create", () => {
  it("fills every secret in one session with a token that the server accepts", async () => {
    const attributes = await capture(stage.event("Create"), stage.tools());
    expect(stage.container.sessions).toHaveLength(1);
    expect(stage.aws.valueOf(SECRET.admin)).toBe(stage.server.admin);
    expect(stage.aws.valueOf(SECRET.agent)).toBe(stage.server.agent);
    expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.payments))).toBe("agent payments");
    expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.metrics))).toBe("user cloudwatch-poller");
    expect(attributes).toEqual({
      AdminTokenVersion: stage.aws.secrets.get(SECRET.admin)!.current,
      MetricsTokenVersion: stage.aws.secrets.get(SECRET.metrics)!.current,
      "AgentTokenVersion.ecs-agent": stage.aws.secrets.get(SECRET.agent)!.current,
      "AgentTokenVersion.payments": stage.aws.secrets.get(SECRET.payments)!.current,
      Warnings: "",
    });
  });

  it("fills the same secrets with tokens of the same owners, whatever the order of the agents", async () => {
    const AgentTokens = stage.properties().AgentTokens.toReversed();
    const attributes = await capture(stage.event("Create", { AgentTokens }), stage.tools());
    expect(stage.aws.valueOf(SECRET.agent)).toBe(stage.server.agent);
    expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.payments))).toBe("agent payments");
    const reordered = await capture(stage.event("Update"), stage.tools());
    expect(reordered).toEqual(attributes);
  });

  it("waits for a service that is being created at the same time, and for its task", async () => {
    stage.aws.serviceExists = false;
    const task = stage.aws.tasks.pop()!;
    stage.aws.fault = () => {
      if (stage.aws.count("DescribeServices") === 3) stage.aws.serviceExists = true;
      if (stage.aws.count("DescribeServices") === 6) stage.aws.tasks = [task];
      return undefined;
    };
    await capture(stage.event("Create"), stage.tools());
    expect(filled()).toHaveLength(4);
  });

  it("continues in the next task when one is replaced during the session", async () => {
    stage.container.before = (session) => {
      if (session > 1) return;
      stage.aws.tasks = [stage.task("two")];
      throw new Error("the channel was lost");
    };
    await capture(stage.event("Create"), stage.tools());
    expect(filled()).toHaveLength(4);
  });

  it("reports the state of an exec agent that never becomes ready", async () => {
    const managedAgents = [{ name: "ExecuteCommandAgent", lastStatus: "STOPPED", reason: "no route" }];
    stage.aws.tasks = [stage.task("one", { containers: [{ name: "server", managedAgents }] })];
    const patience = { ...stage.tools().patience, readyMs: 20 };
    await expect(capture(stage.event("Create"), stage.tools({ patience }))).rejects.toThrow(
      /ExecuteCommandAgent is STOPPED, no route.*\[capture-exec-not-ready\]/,
    );
  });

  it("fails for a stored token that the server does not accept, and keeps it", async () => {
    const lost = newToken();
    stage.aws.addSecret(SECRET.agent, lost);
    await expect(capture(stage.event("Create"), stage.tools())).rejects.toThrow(
      /does not accept the stored agent-token of ecs-agent.*\[capture-token-refused\]/,
    );
    expect(stage.aws.valueOf(SECRET.agent)).toBe(lost);
    expect(filled()).toHaveLength(4);
  });
});

describe("a file without a valid token", () => {
  it.each([
    ["missing", undefined, "the file does not exist"],
    ["empty", "", '0 bytes that begin with ""'],
    ["cut", "dbw_0123", '8 bytes that begin with "dbw_"'],
    ["not hex", `dbw_${"z".repeat(32)}`, '36 bytes that begin with "dbw_"'],
    ["something else", "-----BEGIN SECRET THING-----\nline\n", '34 bytes that begin with ""'],
  ])(
    "%s: the error has its length and prefix, and the other tokens are stored",
    async (_name, content, found) => {
      if (content === undefined) stage.server.removeFile("agent-token");
      else stage.server.writeFile("agent-token", content);
      const failed = capture(stage.event("Create"), stage.tools());
      await expect(failed).rejects.toThrow(`agent-token does not contain a token: ${found}.`);
      await expect(failed).rejects.toThrow("--force-bootstrap");
      expect(filled()).toEqual([SECRET.admin, SECRET.payments, SECRET.metrics]);
    },
  );

  it("of the administrator: the other file is stored, and no token can be created", async () => {
    stage.server.removeFile("admin-token");
    await expect(capture(stage.event("Create"), stage.tools())).rejects.toThrow(
      /3 tokens could not be captured.*capture-incomplete/,
    );
    expect(filled()).toEqual([SECRET.agent]);
  });

  it("accepts a token with a line end", async () => {
    stage.server.writeFile("agent-token", `${stage.server.agent}\n`);
    await capture(stage.event("Create"), stage.tools());
    expect(stage.aws.valueOf(SECRET.agent)).toBe(stage.server.agent);
  });
});

describe("writing a secret", () => {
  it("is repeated when it is throttled", async () => {
    let left = 3;
    stage.aws.fault = (operation) =>
      operation === "PutSecretValue" && left-- > 0
        ? new AwsFault("ThrottlingException", "Rate exceeded")
        : undefined;
    await capture(stage.event("Create"), stage.tools());
    expect(filled()).toHaveLength(4);
  });

  it("is reported when it is refused, and the next run continues there", async () => {
    stage.aws.fault = (operation, { SecretId }) =>
      operation === "PutSecretValue" && SecretId === SECRET.metrics
        ? new AwsFault("AccessDeniedException", "not authorized to perform: secretsmanager:PutSecretValue")
        : undefined;
    await expect(capture(stage.event("Create"), stage.tools())).rejects.toThrow(
      /Writing the secret of metrics-token failed.*not authorized.*\[capture-secret-failed\]/,
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

  it("keeps a value that was stored while the file was read", async () => {
    const theirs = newToken();
    stage.container.before = () => stage.aws.addSecret(SECRET.agent, theirs);
    const attributes = await capture(stage.event("Create"), stage.tools());
    expect(stage.aws.valueOf(SECRET.agent)).toBe(theirs);
    expect(attributes["AgentTokenVersion.ecs-agent"]).toBe("v0");
  });

  it("keeps the value of an existing version with the same id", async () => {
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
  it("one after the other: the same answer, and no new token", async () => {
    const event = stage.event("Create");
    const first = await capture(event, stage.tools());
    expect(await capture(event, stage.tools())).toEqual(first);
    expect(stage.aws.count("PutSecretValue")).toBe(4);
    expect(stage.server.subjects()).toHaveLength(4);
  });

  it("at the same time: the same answer, one version, and each token only once", async () => {
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

  it("creates the tokens again at once when the answer of its own session is lost", async () => {
    stage.container.after = (session) => {
      if (session === 1) throw new Error("the channel was lost");
    };
    await capture(stage.event("Create"), stage.tools());
    expect(stage.container.sessions).toHaveLength(2);
    expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.metrics))).toBe("user cloudwatch-poller");
    expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.payments))).toBe("agent payments");
  });

  it("creates the tokens of another run that did not store them in time", async () => {
    const event = stage.event("Create");
    stage.container.after = () => {
      throw new AccessDenied("the session");
    };
    const patience = { ...stage.tools().patience, otherRunMs: 50, rightsMs: 0 };
    await expect(capture(event, stage.tools({ patience }))).rejects.toThrow("AWS refused the session");
    expect(filled()).toEqual([]);

    stage.container.after = () => undefined;
    await capture(event, stage.tools({ patience }));
    expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.metrics))).toBe("user cloudwatch-poller");
    expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.payments))).toBe("agent payments");
  });

  it("writes no token into the container, and trusts no file in it", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "dbward-elsewhere-"));
    const event = stage.event("Create");
    const mark = `dbward-capture.${createHash("sha256").update(event.RequestId).digest("hex").slice(0, 32)}`;
    symlinkSync(elsewhere, join(stage.container.directory, mark));
    symlinkSync(elsewhere, join(stage.container.directory, "dbward-capture"));
    const patience = { ...stage.tools().patience, otherRunMs: 50 };
    await capture(event, stage.tools({ patience }));
    expect(filled()).toHaveLength(4);
    expect(readdirSync(elsewhere)).toEqual([]);
    const left = readdirSync(stage.container.directory, { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => entry.isFile())).toEqual([]);
    rmSync(elsewhere, { recursive: true });
  });
});

describe("Update", () => {
  const values = () => Object.values(SECRET).map((arn) => stage.aws.valueOf(arn));

  it("without changes: changes nothing, and checks that the server still accepts the tokens", async () => {
    const first = await capture(stage.event("Create"), stage.tools());
    const before = values();
    expect(await capture(stage.event("Update"), stage.tools())).toEqual(first);
    expect(values()).toEqual(before);
    expect(stage.container.sessions.at(-1)!.stdout.toString()).toBe(
      "server - up\ncheck 0 200\ncheck 1 403\ncheck 2 403\ncheck 3 200\nend - ok\n",
    );
  });

  it("with a new agent: creates its token, and keeps the others", async () => {
    const AgentTokens = stage.properties().AgentTokens.slice(0, 1);
    await capture(stage.event("Create", { AgentTokens }), stage.tools());
    const [admin, agent, , metrics] = values();
    expect(stage.aws.valueOf(SECRET.payments)).toBeUndefined();

    await capture(stage.event("Update"), stage.tools());
    expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.payments))).toBe("agent payments");
    expect([values()[0], values()[1], values()[3]]).toEqual([admin, agent, metrics]);
  });

  it("with secrets that a user emptied: fills them again, that of the poller with a new token", async () => {
    await capture(stage.event("Create"), stage.tools());
    const lost = stage.aws.valueOf(SECRET.metrics)!;
    stage.aws.addSecret(SECRET.agent, " \n");
    stage.aws.addSecret(SECRET.metrics);
    stage.container.close();
    await capture(stage.event("Update"), stage.tools());
    expect(stage.aws.valueOf(SECRET.agent)).toBe(stage.server.agent);
    expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.metrics))).toBe("user cloudwatch-poller");
    expect(stage.server.subjectOf(lost)).toBe(undefined);
  });

  it("warns of a stored token that the server no longer accepts, and succeeds", async () => {
    await capture(stage.event("Create"), stage.tools());
    stage.server.revoke(stage.aws.valueOf(SECRET.metrics)!);
    const { Warnings } = await capture(stage.event("Update"), stage.tools());
    expect(Warnings).toMatch(
      /does not accept the stored metrics-token.*put-secret-value --secret-id .*\[capture-token-refused\]/,
    );
    expect(stage.log.join("\n")).toContain(
      '{"level":"error","event":"capture.token-refused","token":"metrics-token"}',
    );
  });

  it("succeeds when the tokens can't be checked", async () => {
    await capture(stage.event("Create"), stage.tools());
    stage.aws.sessionLogging = "OVERRIDE";
    const { Warnings } = await capture(stage.event("Update"), stage.tools());
    expect(Warnings).toContain("[capture-session-logging]");
  });

  it("fails for a server that does not start, except in a rollback", async () => {
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

  it("is missing when the server has another server.toml: the other tokens are stored", async () => {
    const failed = capture(stage.event("Create"), stage.tools());
    await expect(failed).rejects.toThrow(
      /^The server has no role cloudwatch-metrics .* Restart the server, then deploy again.*\[capture-role-missing\]/,
    );
    expect(filled()).toEqual([SECRET.admin, SECRET.agent, SECRET.payments]);
  });
});

describe("a cluster that logs its exec sessions", () => {
  it.each(["DEFAULT", "OVERRIDE", undefined])("%s: fails before a session is opened", async (logging) => {
    stage.aws.sessionLogging = logging;
    await expect(capture(stage.event("Create"), stage.tools())).rejects.toThrow("[capture-session-logging]");
    expect(stage.container.sessions).toHaveLength(0);
  });

  it("is accepted when the settings allow it", async () => {
    stage.aws.sessionLogging = "OVERRIDE";
    await capture(stage.event("Create", { AllowSessionLogging: "true" }), stage.tools());
    expect(filled()).toHaveLength(4);
  });
});

describe("properties that are not valid", () => {
  const task = (overrides: object) => ({
    Method: "task" as const,
    CaptureTask: { ...stage.properties().CaptureTask!, ...overrides },
  });
  it.each([
    ["no cluster", () => ({ Cluster: "" }), "Cluster is missing"],
    ["a name for a shell", () => ({ MetricsUser: "x; rm -rf /" }), "MetricsUser is not a name of letters"],
    [
      "a path for a shell",
      () => ({ StateDirectory: "/data $(id)" }),
      "StateDirectory is not an absolute path",
    ],
    ["a port for a shell", () => ({ Port: "80;id" }), "Port is not a number"],
    [
      "an ARN for a shell",
      () => ({ AdminTokenSecret: "arn:aws:x'; id" }),
      "AdminTokenSecret is not the ARN of a secret",
    ],
    [
      "an agent for a shell",
      () => ({ AgentTokens: [{ Agent: "a$(id)", Secret: SECRET.agent, Source: "minted" as const }] }),
      "AgentTokens[0].Agent is not a name",
    ],
    [
      "a URL for a shell",
      () => task({ ServerUrl: "http://server:3000;id" }),
      "ServerUrl is not a URL without user",
    ],
    [
      "a URL with a space",
      () => task({ ServerUrl: "http://server:3000/ x" }),
      "ServerUrl is not a URL without user",
    ],
    [
      "a URL with a user",
      () => task({ ServerUrl: "http://u:p@server:3000" }),
      "ServerUrl is not a URL without user",
    ],
    [
      "a URL with a query",
      () => task({ ServerUrl: "http://server:3000?a=b" }),
      "ServerUrl is not a URL without user",
    ],
    [
      "a URL with a fragment",
      () => task({ ServerUrl: "http://server#x" }),
      "ServerUrl is not a URL without user",
    ],
    [
      "another protocol",
      () => task({ ServerUrl: "file:///etc/passwd" }),
      "ServerUrl is not a URL without user",
    ],
    [
      "an endpoint for a shell",
      () => task({ SecretsEndpoint: "https://x/`id`" }),
      "SecretsEndpoint is not a URL",
    ],
  ])("%s", async (_name, overrides, message) => {
    await expect(capture(stage.event("Create", overrides()), stage.tools())).rejects.toThrow(message);
    expect(stage.aws.operations).toEqual([]);
  });

  it("are all reported at once", async () => {
    const overrides = { Cluster: "", Port: "x", StateDirectory: "relative" };
    await expect(capture(stage.event("Create", overrides), stage.tools())).rejects.toThrow(
      /not valid: Cluster is missing; StateDirectory is not an absolute path [ -~]*; Port is not a number\. /,
    );
  });
});

describe("a hostile server", () => {
  const answer = (call: string, status: number, body: object) => {
    stage.server.override = (asked) => (asked === call ? [status, body] : undefined);
  };
  const methods = ["exec", "task"] as const;

  it.each(methods)("method %s: can't add lines to the report", async (Method) => {
    const error = `x\\ntoken 0 ok ${newToken()}\n\\c\u001b[2J`;
    answer("POST /api/users", 500, { error, code: "a\nb" });
    await expect(capture(stage.event("Create", { Method }), stage.tools())).rejects.toThrow(
      /^The server did not create the metrics-token: HTTP 500 [ -~]*\[capture-mint-refused\]$/,
    );
    expect(stage.aws.valueOf(SECRET.admin)).toBe(stage.server.admin);
  });

  it.each(methods)(
    "method %s: is quoted by its error and code, but never with its tokens",
    async (Method) => {
      const { admin } = stage.server;
      const hex = Buffer.from(admin).toString("hex");
      answer("POST /api/users", 500, {
        more: admin,
        error: `no ${hex} ${admin.slice(4)} ${admin}`,
        code: "internal",
      });
      const failed: Error = await capture(stage.event("Create", { Method }), stage.tools()).then(
        () => Promise.reject(new Error("it should have failed")),
        (thrown) => thrown,
      );
      expect(failed.message).toContain("HTTP 500 internal no [redacted]");
      const told = [failed.message, ...stage.log].join("\n");
      for (const disguise of [admin.slice(4), hex]) expect(told).not.toContain(disguise);
    },
  );

  it.each(methods)("method %s: can't make the report longer than allowed", async (Method) => {
    answer("POST /api/users", 500, { error: "x".repeat(200_000), code: "y".repeat(50_000) });
    const error: Error = await capture(stage.event("Create", { Method }), stage.tools()).then(
      () => Promise.reject(new Error("it should have failed")),
      (thrown) => thrown,
    );
    expect(error.message.length).toBeLessThan(600);
    answer("POST /api/users", 500, { error: "x".repeat(2_000_000) });
    await expect(capture(stage.event("Create", { Method }), stage.tools())).rejects.toThrow("too long");
  });

  it.each(methods)(
    "method %s: can't give the administrator's token to the poller or an agent",
    async (Method) => {
      answer("POST /api/users", 201, { token: stage.server.admin });
      stage.server.writeFile("agent-token", stage.server.admin);
      await expect(capture(stage.event("Create", { Method }), stage.tools())).rejects.toThrow(
        /agent-token of ecs-agent is the same token.*metrics-token is the same token/,
      );
      expect(filled()).toEqual([SECRET.admin, SECRET.payments]);
    },
  );

  it.each(methods)("method %s: can't return a token that is already stored", async (Method) => {
    stage.aws.addSecret(SECRET.payments, stage.server.agent);
    const failed = capture(stage.event("Create", { Method }), stage.tools());
    await expect(failed).rejects.toThrow(
      /agent-token of ecs-agent is the same token.*\[capture-same-token\]/,
    );
  });
});

describe("the output of the container", () => {
  const printing = (text: string, exitCode = 0) =>
    stage.tools({
      exec: {
        execute: async ({ maxOutputBytes }) => {
          if (text.length > maxOutputBytes) throw new OutputTooLarge(maxOutputBytes);
          return { stdout: Buffer.from(text), exitCode };
        },
      },
    });

  it("is read up to 256 KiB", async () => {
    const tools = printing(`server - up\n${"x".repeat(262_144)}`);
    await expect(capture(stage.event("Create"), tools)).rejects.toThrow("more than 262144 bytes");
  });

  it("fails the capture when it is not valid twice", async () => {
    const tools = printing(`server - up\ntoken 0x0 ok ${newToken()}\nend - ok\n`);
    await expect(capture(stage.event("Create"), tools)).rejects.toThrow(
      /its report is not valid.*capture-script-failed/,
    );
    expect(filled()).toEqual([]);
  });

  it("never fills two secrets with the same token", async () => {
    const token = newToken();
    const lines = [0, 1, 2, 3].map((index) => `token ${index} ok ${token}`);
    const tools = printing(["server - up", ...lines, "end - ok", ""].join("\n"));
    await expect(capture(stage.event("Create"), tools)).rejects.toThrow(/4 tokens could not be captured/);
    expect(filled()).toEqual([]);
  });
});

describe("tokens of a subject", () => {
  it("stay below the limit, no matter how often a secret is emptied", async () => {
    await capture(stage.event("Create"), stage.tools());
    for (let round = 1; round <= 8; round++) {
      const before = stage.aws.valueOf(SECRET.payments)!;
      stage.aws.addSecret(SECRET.payments);
      await capture(stage.event("Update"), stage.tools());
      expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.payments))).toBe("agent payments");
      expect(stage.server.subjectOf(before)).toBe("agent payments");
    }
    expect(stage.server.subjects().filter((subject) => subject === "agent payments")).toHaveLength(3);
  });
});

describe("method task", () => {
  const method = { Method: "task" } as const;

  it("fills every secret in one task, without a session", async () => {
    const { Warnings } = await capture(stage.event("Create", method), stage.tools());
    expect(Warnings).toBe("");
    expect(stage.container.sessions).toHaveLength(0);
    expect(stage.aws.count("RunTask")).toBe(1);
    expect(stage.aws.valueOf(SECRET.admin)).toBe(stage.server.admin);
    expect(stage.aws.valueOf(SECRET.agent)).toBe(stage.server.agent);
    expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.payments))).toBe("agent payments");
    expect(stage.server.subjectOf(stage.aws.valueOf(SECRET.metrics))).toBe("user cloudwatch-poller");
  });

  it("starts no task for a server that is not healthy, and reports its last log lines", async () => {
    stage.aws.tasks = [stage.task("one", { healthStatus: "UNKNOWN" })];
    stage.aws.logs.set("server/server/one", ["migrating the database"]);
    const patience = { ...stage.tools().patience, healthMs: 20 };
    await expect(capture(stage.event("Create", method), stage.tools({ patience }))).rejects.toThrow(
      /the status of its health check is UNKNOWN.*migrating the database.*\[capture-server-not-running\]/,
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

  it("starts no task when no token is missing", async () => {
    await capture(stage.event("Create", method), stage.tools());
    await capture(stage.event("Update", method), stage.tools());
    expect(stage.aws.count("RunTask")).toBe(1);
  });

  it("reports an invalid file and a secret that can't be written, and stores the other tokens", async () => {
    stage.server.writeFile("agent-token", "nothing");
    stage.aws.fault = (operation, { SecretId }) =>
      operation === "PutSecretValue" && SecretId === SECRET.metrics
        ? new AwsFault("AccessDeniedException", "not authorized")
        : undefined;
    await expect(capture(stage.event("Create", method), stage.tools())).rejects.toThrow(
      /agent-token does not contain a token: 7 bytes.*Writing the secret of metrics-token failed: HTTP 400 .*not authorized/,
    );
    expect(filled()).toEqual([SECRET.admin, SECRET.payments]);
  });

  it("captures many agents by several tasks, each within the limit of overrides", {
    timeout: 150_000,
  }, async () => {
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
    const tools = { ...stage.tools(), deadline: Deadline.after(120_000) };
    await capture(stage.event("Create", { ...method, AgentTokens }), tools);
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
      for (const token of stage.server.allTokens()) expect(logged).not.toContain(token.slice(8));
      expect(stage.container.sessions.map(({ stderr }) => stderr).join("")).toBe("");
    },
  );
});
