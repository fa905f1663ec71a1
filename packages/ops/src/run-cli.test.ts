import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type Answers, AwsFault, type Input } from "./test-support/aws-peer.ts";
import { CANARY, ops, withAws } from "./test-support/ops-run.ts";

const STACKS = ["State", "Server", "Agents", "Monitoring"].map((id) => `prod-dbward-${id}`);
const NOW = Date.now() / 1000;

const service = (serviceName: string, more: object = {}) => ({
  serviceName,
  status: "ACTIVE",
  desiredCount: 1,
  runningCount: 1,
  taskDefinition: `${serviceName}:3`,
  deployments: [{ id: "d1", status: "PRIMARY", rolloutState: "COMPLETED" }],
  ...more,
});
const SERVICES = [service("server"), service("agent-app"), service("agent-reports")];

/** A stage in which all is well. */
const HEALTHY: Answers = {
  DescribeStacks: ({ StackName }) => ({
    Stacks: [
      {
        StackName,
        StackId: `arn:aws:cloudformation:eu-central-1:123456789012:stack/${StackName}/1`,
        StackStatus: "UPDATE_COMPLETE",
        CreationTime: "2026-01-01T00:00:00Z",
      },
    ],
  }),
  DescribeServices: ({ services }) => ({
    services: SERVICES.filter(({ serviceName }) => (services as string[]).includes(serviceName)),
  }),
  DescribeSecret: () => ({ VersionIdsToStages: { v1: ["AWSCURRENT"] }, LastChangedDate: 1_780_000_000 }),
  GetSecretValue: ({ SecretId }) => ({
    SecretString: `${CANARY.slice(0, -1)}${String(SecretId).length % 10}`,
  }),
  DescribeAlarms: () => ({
    MetricAlarms: [
      { AlarmName: "dbward-prod-agents-offline", StateValue: "OK", AlarmDescription: "An agent is gone." },
    ],
  }),
  GetMetricData: ({ MetricDataQueries }) => ({
    MetricDataResults: (MetricDataQueries as { Id: string }[]).map(({ Id }) => ({
      Id,
      Values: [1],
      Timestamps: [NOW],
    })),
  }),
};

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A dbward server that knows these tokens; the option that leads a command to it. */
async function startDbward(
  known: (token: string) => "admin" | "metrics" | "agent" | undefined,
): Promise<string> {
  const server = createServer((request, response) => {
    const owner = known((request.headers.authorization ?? "").replace("Bearer ", ""));
    const answer = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    if (request.url === "/health")
      return answer(200, { status: "ok", version: "0.3.0", min_agent_version: "0.3.0" });
    if (!owner) return answer(401, { error: "authentication failed", code: "unauthorized" });
    if (request.url === "/api/tokens" && owner === "admin") return answer(200, { tokens: [] });
    if (request.url === "/api/agents" && owner !== "agent") return answer(200, { agents: [] });
    return answer(403, { error: "agent tokens cannot access this endpoint", code: "forbidden" });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("pnpm ops", () => {
  it("lists its commands", async () => {
    const { code, out } = await ops("--help");
    expect(code).toBe(0);
    for (const name of [
      "status",
      "preflight",
      "tokens",
      "upgrade",
      "restart",
      "logs",
      "cleanup",
      "dashboard",
    ])
      expect(out).toMatch(new RegExp(`^ {2}${name} +\\S`, "m"));
  });

  it.each([
    ["stauts", /There is no command "stauts"/],
    ["status --stag prod", /Unknown option '--stag'/],
    ["--stage prod status", /The command comes first\. Such as: pnpm ops status --stage prod/],
    ["status server", /status can't take "server"\. Write: pnpm ops status \[--json\] --stage STAGE/],
    ["restart agent app reports", /restart can't take "reports"/],
    ["restart", /restart needs to know what/],
    [
      "restart agent nobody",
      /"agent nobody" names no service of stage prod\. There are: server, agent \(all of them\), agent app/,
    ],
    ["logs", /logs needs to know whose/],
    ["logs server --since soon", /--since can't be "soon"/],
    ["tokens get nobody", /"nobody" owns no token of stage prod\. There are: admin, metrics, app, reports/],
    ["tokens steal admin", /tokens has no "steal"/],
    ["upgrade --tag latest", /upgrade needs the version/],
    ["dashboard --port many", /--port can't be "many"/],
  ])("doesn't understand %j, and says so", async (line, expected) => {
    const { code, err } = await ops(line);
    expect([code, err]).toEqual([2, expect.stringMatching(expected)]);
  });

  it("tells mistakes in the settings", async () => {
    const { code, err } = await ops("status", { storage: { backend: "s2" as never } });
    expect([code, err]).toEqual([1, expect.stringMatching(/storage\.backend: must be one of/)]);
  });
});

describe("status", () => {
  it("tells of a service that was scaled to nothing, and keeps an alarm's lines together", async () => {
    await withAws({
      ...HEALTHY,
      DescribeServices: () => ({
        services: [
          service("server"),
          service("agent-app", { desiredCount: 0, runningCount: 0 }),
          service("agent-reports"),
        ],
      }),
      DescribeAlarms: () => ({
        CompositeAlarms: [
          {
            AlarmName: "dbward-prod-down",
            StateValue: "ALARM",
            AlarmDescription: "dbward is down:\n- one\n\n- two",
          },
        ],
      }),
    });
    const { code, out } = await ops("status");
    expect(code).toBe(1);
    expect(out).toContain("- agent-app was scaled to 0; the settings want 1. Run: aws ecs update-service");
    expect(out).toContain("dbward is down:\n    - one\n    - two\n  https://");
  });

  it("passes over other stages' alarms, and over alarms that only keep others quiet", async () => {
    const ringing = ["prod-eu-server-cpu", "prod-deployment-running", "prod-quiet"].map((name) => ({
      AlarmName: `dbward-${name}`,
      StateValue: "ALARM",
    }));
    const pages = [{ MetricAlarms: ringing, NextToken: "2" }, { MetricAlarms: [] }];
    await withAws({ ...HEALTHY, DescribeAlarms: () => pages.shift() });
    const { code, out } = await ops("status");
    expect(out).not.toContain("prod-eu");
    expect([code, pages]).toEqual([0, []]);
  });

  it("shows each problem once, though several alarms ring for it", async () => {
    const alarm = (id: string) => ({ AlarmName: `dbward-prod-${id}`, StateValue: "ALARM" });
    await withAws({
      ...HEALTHY,
      DescribeAlarms: () => ({
        MetricAlarms: [alarm("agents-offline"), alarm("server-unreachable")],
        CompositeAlarms: [alarm("agents-offline-told"), alarm("down"), alarm("quiet")],
      }),
    });
    const { code, out } = await ops("status");
    expect(out.split("\n").filter((line) => line.startsWith("- "))).toEqual([
      "- Alarm dbward-prod-agents-offline",
      "- Alarm dbward-prod-server-unreachable",
    ]);
    expect(out).not.toContain("-told");
    expect(code).toBe(1);
  });

  it("takes the newest value of a metric, in whatever order they come", async () => {
    await withAws({
      ...HEALTHY,
      GetMetricData: ({ MetricDataQueries }) => ({
        MetricDataResults: (MetricDataQueries as { Id: string }[]).map(({ Id }) => ({
          Id,
          Values: [3, 7, 5],
          Timestamps: [NOW - 120, NOW, NOW - 60],
        })),
      }),
    });
    const { out } = await ops("status");
    expect(out).toMatch(/^ +QueueDepth +7$/m);
  });

  it("names the failure that the last operation on a stack began with", async () => {
    const StackId = `arn:aws:cloudformation:eu-central-1:123456789012:stack/${STACKS[1]}/1`;
    const events = (at: number, entries: [resource: string, status: string, reason?: string][]) =>
      entries.map(([LogicalResourceId, ResourceStatus, ResourceStatusReason], index) => ({
        StackId,
        PhysicalResourceId: LogicalResourceId === STACKS[1] ? StackId : LogicalResourceId,
        LogicalResourceId,
        ResourceStatus,
        ResourceStatusReason,
        Timestamp: new Date(at + index).toISOString(),
      }));
    await withAws({
      ...HEALTHY,
      DescribeStacks: ({ StackName }) => ({
        Stacks: [
          {
            StackName,
            StackId,
            StackStatus: "UPDATE_ROLLBACK_COMPLETE",
            CreationTime: "2026-01-01T00:00:00Z",
          },
        ],
      }),
      DescribeStackEvents: () => ({
        StackEvents: [
          // Not in the order of their times.
          ...events(1_000, [
            [STACKS[1]!, "CREATE_IN_PROGRESS"],
            ["Earlier", "CREATE_FAILED", "of a former deployment"],
          ]),
          ...events(2_000, [
            [STACKS[1]!, "UPDATE_IN_PROGRESS"],
            ["Other", "UPDATE_FAILED", "Resource update cancelled"],
            ["Service", "UPDATE_FAILED", "the cause"],
            ["Later", "UPDATE_FAILED", "a consequence"],
            [STACKS[1]!, "UPDATE_ROLLBACK_IN_PROGRESS"],
          ]),
        ],
      }),
    });
    const { out } = await ops("status");
    expect(out).toContain(`Stack ${STACKS[1]} is UPDATE_ROLLBACK_COMPLETE: Service failed: the cause`);
  });

  it("is content with a stage in which all is well", async () => {
    await withAws(HEALTHY);
    const { code, out, err } = await ops("status");
    expect(err).toBe("");
    expect(out).toMatchInlineSnapshot(`
      "Stage prod in eu-central-1

      Stacks
          prod-dbward-State       UPDATE_COMPLETE
          prod-dbward-Server      UPDATE_COMPLETE
          prod-dbward-Agents      UPDATE_COMPLETE
          prod-dbward-Monitoring  UPDATE_COMPLETE

      Services
          server   1 of 1 running
          app      1 of 1 running
          reports  1 of 1 running

      Tokens
          dbward/prod/admin-token          captured
          dbward/prod/metrics-token        captured
          dbward/prod/agent-token          captured
          dbward/prod/agent-token/reports  captured

      Metrics
          ServerReachable   1
          QueueDepth        1
          RequestsPending   1
          RequestsApproved  1
          RequestsRunning   1
          AgentsHealthy     1
          AgentsOffline     1

      Alarms: 1 of 1 OK

      Dashboard: https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/dbward-prod

      All is well."
    `);
    expect(code).toBe(0);
  });

  it("says of each thing that is wrong what it is, and where to look", async () => {
    await withAws({
      ...HEALTHY,
      DescribeStacks: ({ StackName }) => ({
        Stacks: [
          {
            StackName,
            StackId: `id/${StackName}`,
            StackStatus: StackName === STACKS[2] ? "ROLLBACK_COMPLETE" : "CREATE_COMPLETE",
          },
        ],
      }),
      DescribeStackEvents: () => ({
        StackEvents: [
          {
            LogicalResourceId: "Other",
            ResourceStatus: "CREATE_FAILED",
            ResourceStatusReason: "Resource creation cancelled",
          },
          {
            LogicalResourceId: "Agent",
            ResourceStatus: "CREATE_FAILED",
            ResourceStatusReason: `Secret is empty ${CANARY}`,
          },
        ],
      }),
      DescribeServices: () => ({ services: [service("server", { runningCount: 0 }), SERVICES[1]] }),
      ListTasks: () => ({ taskArns: ["task/1"] }),
      DescribeTasks: () => ({
        tasks: [
          {
            stoppedReason: "Essential container in task exited",
            stoppedAt: NOW,
            containers: [{ name: "server", exitCode: 137, reason: "OutOfMemoryError" }],
          },
        ],
      }),
      DescribeSecret: ({ SecretId }) =>
        String(SecretId).endsWith("metrics-token") ? {} : { VersionIdsToStages: { v: ["AWSCURRENT"] } },
      DescribeAlarms: () => ({
        MetricAlarms: [
          {
            AlarmName: "dbward-prod-server-unreachable",
            StateValue: "ALARM",
            AlarmDescription: "The server doesn't answer.",
          },
        ],
      }),
      GetMetricData: () => ({ MetricDataResults: [] }),
    });
    const { code, out } = await ops("status");
    expect(out.slice(out.indexOf("6 problems"))).toMatchInlineSnapshot(`
      "6 problems:
      - Stack prod-dbward-Agents is ROLLBACK_COMPLETE: Agent failed: Secret is empty dbw_[redacted]
        https://eu-central-1.console.aws.amazon.com/cloudformation/home?region=eu-central-1#/stacks/events?stackId=id%2Fprod-dbward-Agents
      - server: 0 of 1 running; the last task stopped: Essential container in task exited; container server: OutOfMemoryError, exit code 137. Its log: https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logsV2:log-groups/log-group/$252Fecs$252Fdbward-prod$252Fserver
        https://eu-central-1.console.aws.amazon.com/ecs/v2/clusters/dbward-prod/services/server/health?region=eu-central-1
      - Service agent-reports isn't there
        https://eu-central-1.console.aws.amazon.com/ecs/v2/clusters/dbward-prod/services/agent-reports/health?region=eu-central-1
      - Secret dbward/prod/metrics-token is empty: its token was not captured. Run: pnpm ops tokens recapture --stage prod
        https://eu-central-1.console.aws.amazon.com/secretsmanager/secret?name=dbward%2Fprod%2Fmetrics-token&region=eu-central-1
      - The poller has published nothing for 5 minutes: see its function's log, or wait when it is new
        https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logsV2:log-groups/log-group/$252Faws$252Flambda$252Fdbward-prod-poll-agents
      - Alarm dbward-prod-server-unreachable: The server doesn't answer.
        https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#alarmsV2:alarm/dbward-prod-server-unreachable"
    `);
    expect(code).toBe(1);
  });

  it("says in one line that nothing is deployed", async () => {
    const DescribeStacks = ({ StackName }: Input) => {
      throw new AwsFault("ValidationError", `Stack with id ${StackName} does not exist`);
    };
    await withAws({ ...HEALTHY, DescribeStacks });
    const { code, out } = await ops("status");
    expect([code, out]).toEqual([
      1,
      "Stage prod is not deployed in eu-central-1. Run: pnpm sst deploy --stage prod",
    ]);
  });

  it("is JSON for scripts, without a token", async () => {
    await withAws(HEALTHY);
    const { out } = await ops("status --json");
    expect(JSON.parse(out)).toMatchObject({
      stage: "prod",
      problems: [],
      services: [{ name: "server" }, {}, {}],
    });
    expect(out).not.toContain("dbw_");
  });
});

describe("tokens", () => {
  it("asks the server whether it takes each of them", async () => {
    await withAws({
      ...HEALTHY,
      GetSecretValue: ({ SecretId }) => ({ SecretString: `${CANARY}${SecretId}` }),
    });
    const url = await startDbward((token) => {
      if (token.endsWith("admin-token")) return "admin";
      if (token.endsWith("metrics-token")) return "metrics";
      return token.endsWith("agent-token") ? "agent" : undefined;
    });
    const { code, out, err } = await ops(`tokens --url ${url}`);
    expect(err).toBe("");
    const states = out.split("\n").map((line) => line.split(/ {2,}/).slice(0, 3).join(" "));
    expect(states).toEqual([
      "OWNER SECRET STATE",
      "admin dbward/prod/admin-token works",
      "metrics dbward/prod/metrics-token works",
      "app dbward/prod/agent-token works",
      "reports dbward/prod/agent-token/reports refused",
      "",
      "The server refuses the token of reports. Run: pnpm ops tokens rotate reports --stage prod",
    ]);
    expect(out).not.toContain("dbw_");
    expect(code).toBe(1);
  });

  it("says so when the server is out of reach", async () => {
    const peer = await withAws(HEALTHY);
    const { code, out } = await ops("tokens --url http://127.0.0.1:1");
    expect(out).toContain(
      "was not checked: http://127.0.0.1:1 can't be reached from here (refused); give --url with an address that can be.",
    );
    expect(out).toMatch(/^admin .* unchecked/m);
    expect(peer.calls).not.toContain("GetSecretValue");
    expect(code).toBe(0);
  });

  it("shows a value only when asked for in words", async () => {
    const peer = await withAws({ ...HEALTHY, GetSecretValue: () => ({ SecretString: CANARY }) });
    const refused = await ops("tokens get admin");
    expect([refused.code, refused.out]).toEqual([2, ""]);
    expect(refused.err).toContain("--reveal");
    expect(peer.calls).toEqual([]);
    expect(await ops("tokens get admin --reveal")).toEqual({ code: 0, out: CANARY, err: "" });
  });

  it("does not show the blank of an emptied secret for a token", async () => {
    await withAws({ ...HEALTHY, GetSecretValue: () => ({ SecretString: " " }) });
    const { code, out, err } = await ops("tokens get admin --reveal");
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("holds none. Run: pnpm ops tokens recapture --stage prod [token-not-captured]");
  });

  it.each(["admin", "metrics", "app", "reports"])("explains how to rotate that of %s", async (owner) => {
    await withAws({});
    const { code, out } = await ops(`tokens rotate ${owner}`);
    expect(code).toBe(0);
    expect(out).toMatch(/^To rotate the token of .*:\n1\. [\s\S]*put-secret-value/);
  });

  it("keeps the first agent's subject, and revokes no bootstrap token, which the API doesn't know", async () => {
    await withAws({});
    const { out } = await ops("tokens rotate app");
    expect(out).toContain('{"subject_id":"agent","subject_type":"agent","name":"app"}');
    expect(out).not.toContain("DELETE");
    expect((await ops("tokens rotate reports")).out).toContain("DELETE /api/tokens/ID");
  });
});

describe("tokens recapture", () => {
  const stack = (StackStatus: string, more: object = {}) => ({
    Stacks: [
      { StackName: STACKS[1], StackId: "id/1", StackStatus, CreationTime: "2026-01-01T00:00:00Z", ...more },
    ],
  });
  const Parameters = [
    { ParameterKey: "CaptureAgain", ParameterValue: "" },
    { ParameterKey: "Other", ParameterValue: "x" },
  ];

  it("changes the one parameter that has the capture run again, and looks at the outcome", async () => {
    let update: Input = {};
    await withAws({
      ...HEALTHY,
      DescribeStacks: () => stack("UPDATE_COMPLETE", { Parameters }),
      UpdateStack: (input) => {
        update = input;
        return { StackId: "id/1" };
      },
    });
    const { code, out, err } = await ops("tokens recapture --url http://127.0.0.1:1");
    expect([code, err]).toEqual([0, ""]);
    expect(update).toMatchObject({
      StackName: "prod-dbward-Server",
      UsePreviousTemplate: "true",
      "Parameters.member.1.ParameterKey": "Other",
      "Parameters.member.1.UsePreviousValue": "true",
      "Parameters.member.2.ParameterKey": "CaptureAgain",
      "Parameters.member.2.ParameterValue": expect.stringMatching(/^\d{4}-/),
    });
    expect(out).toMatch(/^OWNER/m);
  });

  it("fails with the capture's own words", async () => {
    await withAws({
      DescribeStacks: () => stack("UPDATE_ROLLBACK_COMPLETE"),
      UpdateStack: () => ({ StackId: "id/1" }),
      DescribeStackEvents: () => ({
        StackEvents: [
          {
            LogicalResourceId: "Capture",
            ResourceStatus: "UPDATE_FAILED",
            ResourceStatusReason: `no agent ${CANARY}`,
          },
        ],
      }),
    });
    const { code, err } = await ops("tokens recapture");
    expect([code, err]).toEqual([1, expect.stringMatching(/Capture failed: no agent dbw_\[redacted\]/)]);
  });
});

describe("upgrade", () => {
  const running = (tags: Record<string, string>): Answers => ({
    ...HEALTHY,
    DescribeTaskDefinition: ({ taskDefinition }) => {
      const name = String(taskDefinition).split(":")[0]!;
      return {
        taskDefinition: {
          containerDefinitions: [
            { name: name === "server" ? "server" : "agent", image: `ghcr.io/dbward-dev/x:${tags[name]}` },
          ],
        },
      };
    },
  });

  it("begins with the server", async () => {
    await withAws(running({ server: "0.2.0", "agent-app": "0.2.0", "agent-reports": "0.2.0" }));
    const { code, out } = await ops("upgrade --tag 0.3.0 --url http://127.0.0.1:1");
    expect(code).toBe(0);
    expect(out).toMatch(/^1\. Server first\. .* set stages\.prod\.server\.image\.tag to "0\.3\.0"/m);
    expect(out).toMatch(
      /^3\. Then the agents\. Set stages\.prod\.agents\[0\]\.image\.tag, stages\.prod\.agents\[1\]/m,
    );
  });

  it("goes on with the agents, those first that the server refuses", async () => {
    await withAws(running({ server: "0.3.0", "agent-app": "0.2.9", "agent-reports": "0.3.0" }));
    const url = await startDbward(() => undefined);
    const { out } = await ops(`upgrade --tag 0.3.0 --url ${url}`);
    expect(out).toContain("The server says: version 0.3.0, agents from 0.3.0 on.");
    expect(out).toContain("Now: agent app runs 0.2.9, and the server takes agents from 0.3.0 on");
    expect(out).toMatch(/^1\. Then the agents\. Set stages\.prod\.agents\[0\]\.image\.tag to/m);
  });

  it("refuses to go back", async () => {
    await withAws(running({ server: "0.3.0", "agent-app": "0.3.0", "agent-reports": "0.3.0" }));
    const { code, out } = await ops("upgrade --tag 0.2.0 --url http://127.0.0.1:1");
    expect([code, out]).toEqual([1, expect.stringContaining("going back to 0.2.0 is not supported")]);
  });

  it("knows when there is nothing to do", async () => {
    await withAws(running({ server: "0.3.0", "agent-app": "0.3.0", "agent-reports": "0.3.0" }));
    const { out } = await ops("upgrade --tag 0.3.0 --url http://127.0.0.1:1");
    expect(out).toContain("nothing to do");
  });
});

describe("restart", () => {
  const task = (id: string, more: object = {}) => ({
    taskArn: `arn:aws:ecs:eu-central-1:123456789012:task/dbward-prod/${id}`,
    lastStatus: "RUNNING",
    healthStatus: "HEALTHY",
    startedBy: "d1",
    ...more,
  });
  /** The tasks of the answers to `ListTasks` and `DescribeTasks`: those that run, and those that have stopped. */
  const tasks = (running: object[], stopped: object[] = []): Answers => ({
    ListTasks: ({ desiredStatus }) => ({ taskArns: [String(desiredStatus)] }),
    DescribeTasks: (input) => ({ tasks: (input.tasks as string[])[0] === "RUNNING" ? running : stopped }),
  });
  const event = (id: string, createdAt: number) => ({ id, createdAt, message: `(service server) ${id}` });

  it("forces a deployment, one service after the other", async () => {
    const updated: unknown[] = [];
    const peer = await withAws({
      ...HEALTHY,
      ...tasks([task("new")]),
      UpdateService: (input) => {
        updated.push(input);
        return { service: service(String(input.service)) };
      },
    });
    const { code, out } = await ops("restart agent");
    expect(code).toBe(0);
    expect(updated).toEqual([
      { cluster: "dbward-prod", service: "agent-app", forceNewDeployment: true },
      { cluster: "dbward-prod", service: "agent-reports", forceNewDeployment: true },
    ]);
    const each = ["UpdateService", "DescribeServices", "ListTasks", "DescribeTasks"];
    expect(peer.calls).toEqual([...each, ...each]);
    expect(out).toContain("agent-reports: 1 of 1 running and healthy, all of them new.");
  });

  it("changes nothing when a parameter holds what dbward refuses", async () => {
    const peer = await withAws({
      GetParameters: ({ Names }) => ({
        Parameters: (Names as string[]).map((Name) => ({
          Name,
          Type: "SecureString",
          Value: "[[workflows]]",
        })),
      }),
      DescribeStacks: ({ StackName }) => {
        throw new AwsFault("ValidationError", `Stack with id ${StackName} does not exist`);
      },
    });
    const changes = { server: { image: { tag: "0.2.0" }, configParameter: "/dbward/server" } };
    const { code, err } = await ops("restart server", changes);
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(
        /^New tasks .* would not start:\n {2}- SSM parameter \/dbward\/server:1: workflows\[0\]/,
      ),
    ]);
    expect(peer.calls).not.toContain("UpdateService");
  });

  it("waits until the old task is gone and the new one healthy, and shows what ECS does meanwhile", async () => {
    const deployment = (id: string, status: string, rolloutState: string) => ({ id, status, rolloutState });
    const old = deployment("d0", "ACTIVE", "COMPLETED");
    const begun = event("begun", 2);
    const steps = [
      { runningCount: 1, deployments: [deployment("d1", "PRIMARY", "IN_PROGRESS"), old], events: [begun] },
      {
        // Newest first, as ECS answers; nothing is to depend on it.
        events: [event("steady", 4), event("started", 3), begun, event("long ago", 1)],
      },
    ];
    const running = [
      [task("old", { startedBy: "d0" })],
      [task("new", { healthStatus: "UNKNOWN" })],
      [task("new")],
    ];
    let described = 0;
    await withAws({
      UpdateService: () => ({ service: service("server", { ...steps[0], events: [event("long ago", 1)] }) }),
      DescribeServices: () => ({ services: [service("server", steps.shift() ?? { events: [begun] })] }),
      ListTasks: () => ({ taskArns: ["any"] }),
      DescribeTasks: () => ({ tasks: running[described++] }),
    });
    const { code, out, err } = await ops("restart server");
    expect([code, err]).toEqual([0, ""]);
    expect(out.split("\n").slice(1)).toEqual([
      "  (service server) begun",
      "  (service server) started",
      "  (service server) steady",
      "server: 1 of 1 running and healthy, all of them new.",
    ]);
    expect(described).toBe(3);
  }, 80_000);

  it("fails with ECS's own reason, and with that of the last task that stopped", async () => {
    const failed = {
      deployments: [
        { id: "d1", status: "PRIMARY", rolloutState: "FAILED", rolloutStateReason: "tasks failed to start." },
      ],
    };
    const stopped = (stoppedAt: number, stoppedReason: string, startedBy = "d1") =>
      task("x", {
        startedBy,
        stoppedAt,
        stoppedReason,
        containers: [{ name: "server", exitCode: 1, reason: `no ${CANARY}` }],
      });
    await withAws({
      ...tasks([], [stopped(2, "second"), stopped(1, "first"), stopped(3, "of another deployment", "d0")]),
      UpdateService: () => ({ service: service("server") }),
      DescribeServices: () => ({ services: [service("server", failed)] }),
    });
    const { code, err } = await ops("restart server");
    expect([code, err]).toEqual([
      1,
      expect.stringContaining(
        "The restart of server failed: tasks failed to start; its last task stopped: second; container server: no dbw_[redacted], exit code 1.",
      ),
    ]);
    expect(err).toContain("[restart-failed]");
  });

  it("says when another deployment takes its place", async () => {
    await withAws({
      ...tasks([]),
      UpdateService: () => ({ service: service("server") }),
      DescribeServices: () => ({
        services: [service("server", { deployments: [{ id: "d2", status: "PRIMARY" }] })],
      }),
    });
    const { code, err } = await ops("restart server");
    expect([code, err]).toEqual([1, expect.stringContaining("another deployment took its place")]);
  });
});

describe("logs", () => {
  it("prints the lines of all groups in order of time, without secrets and terminal controls", async () => {
    await withAws({
      FilterLogEvents: ({ logGroupName, nextToken }) => {
        if (String(logGroupName).endsWith("reports")) throw new AwsFault("ResourceNotFoundException");
        return nextToken
          ? { events: [{ eventId: "1", timestamp: 1_000, message: `first ${CANARY}\n` }] }
          : {
              events: [{ eventId: "2", timestamp: 2_000, message: "second \u001b]0;title\u0007" }],
              nextToken: "more",
            };
      },
    });
    const { code, out } = await ops("logs agent");
    expect(code).toBe(0);
    expect(out).toBe(
      "1970-01-01T00:00:01.000Z first dbw_[redacted]\n1970-01-01T00:00:02.000Z second \\x1b]0;title\\x07",
    );
  });
});

describe("cleanup", () => {
  const template = JSON.stringify({
    Resources: {
      Results: { DeletionPolicy: "Retain" },
      ResultsPolicy: { DeletionPolicy: "Retain" },
      Files: { DeletionPolicy: "RetainExceptOnCreate" },
      Role: {},
    },
  });
  const resource = (LogicalResourceId: string, ResourceType: string, PhysicalResourceId: string) => ({
    LogicalResourceId,
    ResourceType,
    PhysicalResourceId,
  });
  const resources: Answers = {
    GetTemplate: ({ StackName }) => ({ TemplateBody: /State/.test(String(StackName)) ? template : "{}" }),
    ListStackResources: () => ({
      StackResourceSummaries: [
        resource("Results", "AWS::S3::Bucket", "results-1"),
        resource("ResultsPolicy", "AWS::S3::BucketPolicy", "results-1-policy"),
        resource("Files", "AWS::EFS::FileSystem", "fs-1"),
        resource("Role", "AWS::IAM::Role", "role-1"),
      ],
    }),
  };

  it("lists what a removed stage left, with the commands that delete it", async () => {
    await withAws({
      DescribeStackEvents: ({ StackName }) => ({
        StackEvents: /State/.test(String(StackName))
          ? [
              { ...resource("Results", "AWS::S3::Bucket", "results-1"), ResourceStatus: "DELETE_SKIPPED" },
              { ...resource("Policy", "AWS::S3::BucketPolicy", "p-1"), ResourceStatus: "DELETE_SKIPPED" },
              { ...resource("Files", "AWS::EFS::FileSystem", "fs-1"), ResourceStatus: "DELETE_SKIPPED" },
              { ...resource("Role", "AWS::IAM::Role", "role-1"), ResourceStatus: "DELETE_COMPLETE" },
            ]
          : [],
      }),
      DescribeStacks: ({ StackName }) => {
        throw new AwsFault("ValidationError", `Stack with id ${StackName} does not exist`);
      },
      ListStacks: () => ({
        StackSummaries: [
          { StackName: STACKS[0], StackId: `id/${STACKS[0]}/1`, StackStatus: "DELETE_COMPLETE" },
          { StackName: "other-State", StackId: "id/other-State/1", StackStatus: "DELETE_COMPLETE" },
        ],
      }),
      DescribeSecret: ({ SecretId }) => {
        if (SecretId === "dbward/prod/admin-token") return { DeletedDate: 1_700_000_000 };
        throw new AwsFault("ResourceNotFoundException");
      },
    });
    const { code, out, err } = await ops("cleanup");
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out).toMatchInlineSnapshot(`
      "Stage prod is removed. Kept, unless deleted since:
      - AWS::S3::Bucket results-1
      - AWS::EFS::FileSystem fs-1

      To delete it, once and for all, data included:
        aws s3 rb s3://results-1 --force --region eu-central-1
        aws efs describe-mount-targets --file-system-id fs-1 --query 'MountTargets[].MountTargetId' --output text --region eu-central-1 | xargs -n1 aws efs delete-mount-target --region eu-central-1 --mount-target-id
        aws efs delete-file-system --file-system-id fs-1 --region eu-central-1
        aws secretsmanager delete-secret --secret-id dbward/prod/admin-token --force-delete-without-recovery --region eu-central-1"
    `);
  });

  it("says of a stage that is up what would be kept", async () => {
    await withAws({ ...HEALTHY, ...resources, ListStacks: () => ({ StackSummaries: [] }) });
    const { out } = await ops("cleanup");
    expect(out).toContain(
      "Stage prod is deployed. When it is removed (pnpm sst remove --stage prod), this is kept:\n- AWS::S3::Bucket results-1",
    );
  });
});
