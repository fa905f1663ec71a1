import { describe, expect, it, onTestFinished } from "vitest";
import { startHttpServer } from "../../core/src/test-support/http-server.ts";
import { type Answers, AwsFault, type Input } from "./test-support/aws-peer.ts";
import { CANARY, ops, opsWords, stageInput, withAws } from "./test-support/ops-run.ts";

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
  ListStackResources: () => ({ StackResourceSummaries: [] }),
  GetParameter: () => {
    throw new AwsFault("ParameterNotFound", "");
  },
  ListTasks: () => ({ taskArns: [] }),
  DescribeAlarmHistory: () => ({ AlarmHistoryItems: [] }),
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

/** A dbward server that knows these tokens; the option that leads a command to it. */
async function startDbward(
  known: (token: string) => "admin" | "metrics" | "agent" | undefined,
): Promise<string> {
  const server = await startHttpServer((request, response) => {
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
  onTestFinished(server.close);
  return server.url;
}

describe("pnpm ops", () => {
  it("lists its commands", async () => {
    const { code, out } = await ops("--help");
    expect(code).toBe(0);
    for (const name of [
      "completion",
      "status",
      "preflight",
      "lookup",
      "tokens",
      "upgrade",
      "restart",
      "scale",
      "logs",
      "cleanup",
      "dashboard",
    ])
      expect(out).toMatch(new RegExp(`^ {2}pnpm ops ${name}\\b.* {2}\\S`, "m"));
  });

  it.each([
    [
      "stauts",
      /pnpm ops has no command "stauts"\. Did you mean status\? Commands: .*status, doctor, preflight/,
    ],
    ["status --stag prod", /pnpm ops status has no option --stag\. Did you mean --stage\?/],
    ["status server", /pnpm ops status doesn't accept "server"\. Usage: pnpm ops status\./],
    ["restart agent app reports", /pnpm ops restart doesn't accept "reports"\. .*restart <part> \[name\]/],
    ["restart", /pnpm ops restart requires <part>\./],
    ["restart poller", /<part> must be one of server, agent, not "poller"\./],
    [
      "restart agent nobody",
      /Stage prod has no service "agent nobody"\. Services: server, agent \(all agents\), agent app/,
    ],
    ["scale server --count 2", /The server can't have more than one task\. Two tasks would/],
    ["scale agent --count many", /--count can't be "many"/],
    ["scale agent", /pnpm ops scale requires --count\./],
    ["restart server", /This command asks before it changes anything, and there is no terminal/],
    [
      "logs agent nobody",
      /The stage has no part "agent nobody"\. Parts: server, poller, tokens, apply, agent \(all agents\), agent app/,
    ],
    ["logs server capture", /The stage has no part "capture"/],
    ["logs server --since soon", /--since can't be "soon"\. Use a duration such as/],
    ["logs server --since", /--since requires a value\./],
    [
      "tokens get nobody --reveal",
      /Stage prod has no token of "nobody"\. Tokens: admin, metrics, app, reports/,
    ],
    ["tokens steal admin", /pnpm ops tokens has no command "steal"\./],
    ["upgrade latest", /<tag> can't be "latest"/],
    ["upgrade", /pnpm ops upgrade requires <tag>\./],
    ["dashboard --port many", /--port can't be "many"/],
    ["tunnel --port 70000", /--port can't be "70000"/],
    ["tunnel --to db.internal", /--to can't be "db\.internal"\. Use HOST:PORT, such as db\.internal:5432\./],
    ["tunnel --to db.internal:0", /--to can't be/],
    ["with-server --as admin", /The command to run is missing\. Put it after --/],
    ["with-server --as nobody -- true", /Stage prod has no token of "nobody"/],
    ["run server", /The command to run is missing/],
    ["run agent -- true", /Stage prod has several agents\. Name one: agent app, agent reports\./],
    ["shell server", /A shell needs a terminal\. Use `pnpm ops run`/],
  ])("rejects %j with the exit code 2", async (line, expected) => {
    await withAws({});
    const { code, err } = await ops(line);
    expect([code, err]).toEqual([2, expect.stringMatching(expected)]);
  });

  it("requires a stage", async () => {
    const { code, err } = await opsWords(["status"], {});
    expect([code, err]).toEqual([2, expect.stringMatching(/^--stage is required\. .*--stage prod/)]);
  });

  it("accepts the stage in front of the command, and the last of several", async () => {
    await withAws(HEALTHY);
    const { code, out } = await opsWords(["--stage", "test", "--stage=prod", "status"], {});
    expect([code, out]).toEqual([0, expect.stringContaining("Stage prod")]);
  });

  it.each([
    ["--stage ", ["prod"]],
    ["restart agent ", ["app", "reports"]],
    ["tokens get ", ["admin", "metrics", "app", "reports"]],
    ["restart ", expect.arrayContaining(["server", "agent"])],
    ["stat", expect.arrayContaining(["status"])],
  ])("completes %j", async (line, expected) => {
    const { out } = await opsWords(["--get-yargs-completions", ...line.split(" ")], {});
    expect(out.split("\n")).toEqual(expected);
  });

  it("reports mistakes in the settings", async () => {
    const { code, err } = await ops("status", { storage: { backend: "s2" as never } });
    expect([code, err]).toEqual([1, expect.stringMatching(/storage\.backend: must be one of/)]);
  });
});

describe("status", () => {
  it("reports a service that was scaled to nothing, and keeps an alarm's lines together", async () => {
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
    expect(out).toContain(
      "! agent app: Service agent-app was scaled to 0; the settings want 1.\n  → Run: pnpm ops scale agent app --count 1 --stage prod",
    );
    expect(out).toContain("dbward is down:\n    - one\n    - two\n  → See docs/monitoring.md\n  https://");
  });

  it("passes over other stages' alarms, and over alarms that only keep others quiet", async () => {
    const ringing = ["prod-eu-server-cpu", "prod-deployment-running", "prod-quiet"].map((name) => ({
      AlarmName: `dbward-${name}`,
      StateValue: "ALARM",
    }));
    await withAws({ ...HEALTHY, DescribeAlarms: () => ({ MetricAlarms: ringing }) });
    const { code, out } = await ops("status");
    expect(out).toContain("No problems found.");
    expect(code).toBe(0);
  });

  it("shows each problem once, though several alarms ring for it", async () => {
    const alarm = (id: string) => ({ AlarmName: `dbward-prod-${id}`, StateValue: "ALARM" });
    await withAws({
      ...HEALTHY,
      DescribeAlarms: () => ({
        MetricAlarms: [alarm("agents-offline"), alarm("server-unreachable")],
        CompositeAlarms: [alarm("agents-offline-notification"), alarm("down"), alarm("quiet")],
      }),
    });
    const { code, out } = await ops("status");
    expect(out.split("\n").filter((line) => line.startsWith("! "))).toEqual([
      "! agents-offline: Alarm dbward-prod-agents-offline is in ALARM.",
      "! server-unreachable: Alarm dbward-prod-server-unreachable is in ALARM.",
    ]);
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
    expect(out).toContain(`Stack ${STACKS[1]} is UPDATE_ROLLBACK_COMPLETE.\n    Service failed: the cause`);
  });

  it("finds no problem in a healthy stage", async () => {
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
        admin    dbward/prod/admin-token          captured
        metrics  dbward/prod/metrics-token        captured
        app      dbward/prod/agent-token          captured
        reports  dbward/prod/agent-token/reports  captured

      Metrics
        QueueDepth        1
        RequestsPending   1
        RequestsApproved  1
        RequestsRunning   1
        AgentsOffline     1
        AgentCapacity     1
        ServerReachable   1

      Alarms: 1 of 1 OK

      Dashboard: https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/dbward-prod

      No problems found."
    `);
    expect(code).toBe(0);
  });

  it("reports of each problem what shows it, what to do, and where to look", async () => {
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
            group: "service:server",
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
    expect(out.slice(out.indexOf("!"))).toMatchInlineSnapshot(`
      "! prod-dbward-Agents: Stack prod-dbward-Agents is ROLLBACK_COMPLETE.
          Agent failed: Secret is empty dbw_[redacted]
        → Correct the cause, then run: pnpm sst deploy --stage prod
        https://eu-central-1.console.aws.amazon.com/cloudformation/home?region=eu-central-1#/stacks/events?stackId=id%2Fprod-dbward-Agents

      ! server: 0 of 1 tasks of service server run.
          The last task stopped: Essential container in task exited; container server: OutOfMemoryError, exit code 137
        → Run: pnpm ops doctor --stage prod
        https://eu-central-1.console.aws.amazon.com/ecs/v2/clusters/dbward-prod/services/server/health?region=eu-central-1

      ! agent reports: Service agent-reports doesn't exist.
        → Run: pnpm sst deploy --stage prod
        https://eu-central-1.console.aws.amazon.com/ecs/v2/clusters/dbward-prod/services/agent-reports/health?region=eu-central-1

      ! dbward/prod/metrics-token: Secret dbward/prod/metrics-token is empty: the token of metrics was not captured.
        → Run: pnpm ops tokens recapture --stage prod
        https://eu-central-1.console.aws.amazon.com/secretsmanager/secret?name=dbward%2Fprod%2Fmetrics-token&region=eu-central-1

      ! poller: The poller has published no metric for 15 minutes.
        → Read its log: pnpm ops logs poller --stage prod. The first values of a new stage come after a minute

      ! server-unreachable: Alarm dbward-prod-server-unreachable is in ALARM.
          The server doesn't answer.
        → See docs/monitoring.md
        https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#alarmsV2:alarm/dbward-prod-server-unreachable

      6 problems."
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
      findings: [],
      services: { items: [{ name: "server" }, {}, {}] },
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

  it("shows what is captured, and fails, when the server can't be reached", async () => {
    await withAws(HEALTHY);
    const { code, out } = await ops("tokens --url http://127.0.0.1:1");
    expect(out).toMatch(/Whether the server accepts them is not known: .*connection was refused/);
    expect(out).toMatch(/^admin .* captured /m);
    expect(out).not.toContain("dbw_");
    expect(code).toBe(1);
  });

  it("reaches the server through its task, and says what keeps it from that", async () => {
    const peer = await withAws({
      ...HEALTHY,
      ListTasks: () => ({ taskArns: [] }),
      DescribeServices: () => ({ services: [service("server", { desiredCount: 0, runningCount: 0 })] }),
    });
    const { code, out } = await ops("tokens");
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/is not known: No task of service server .* is 0/),
    ]);
    expect(peer.calls).toContain("ListTasks");
  });

  it("shows a value only when asked for in words", async () => {
    const peer = await withAws({ ...HEALTHY, GetSecretValue: () => ({ SecretString: CANARY }) });
    const refused = await ops("tokens get admin");
    expect([refused.code, refused.out]).toEqual([2, ""]);
    expect(refused.err).toContain("--reveal");
    expect(peer.calls).toEqual(["DescribeStacks"]);
    expect(await ops("tokens get admin --reveal")).toMatchObject({ code: 0, out: CANARY, err: "" });
  });

  it("does not show the blank of an emptied secret for a token", async () => {
    await withAws({ ...HEALTHY, GetSecretValue: () => ({ SecretString: " " }) });
    const { code, out, err } = await ops("tokens get admin --reveal");
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("is empty. Run: pnpm ops tokens recapture --stage prod [token-not-captured]");
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
    const url = await startDbward((token) => (token.length > 10 ? "admin" : undefined));
    const { code, out, err } = await ops(`tokens recapture --url ${url}`);
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
    const { code, out } = await ops("restart agent --yes");
    expect(code).toBe(0);
    expect(updated).toEqual([
      { cluster: "dbward-prod", service: "agent-app", forceNewDeployment: true },
      { cluster: "dbward-prod", service: "agent-reports", forceNewDeployment: true },
    ]);
    const each = ["UpdateService", "DescribeServices", "ListTasks", "DescribeTasks"];
    expect(peer.calls).toEqual(["DescribeStacks", ...each, ...each]);
    expect(out).toContain("agent-reports: 1 of 1 running and healthy, all new.");
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
    const { code, err } = await ops("restart server --yes", changes);
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
    const { code, out, err } = await ops("restart server --yes");
    expect([code, err]).toEqual([0, ""]);
    expect(out.split("\n").slice(3)).toEqual([
      "  (service server) begun",
      "  (service server) started",
      "  (service server) steady",
      "server: 1 of 1 running and healthy, all new.",
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
    const { code, err } = await ops("restart server --yes");
    expect([code, err]).toEqual([
      1,
      expect.stringContaining(
        "The deployment of server failed: tasks failed to start; its last task stopped: second; container server: no dbw_[redacted], exit code 1.",
      ),
    ]);
    expect(err).toContain("[rollout-failed]");
  });

  it("says when another deployment takes its place", async () => {
    await withAws({
      ...tasks([]),
      UpdateService: () => ({ service: service("server") }),
      DescribeServices: () => ({
        services: [service("server", { deployments: [{ id: "d2", status: "PRIMARY" }] })],
      }),
    });
    const { code, err } = await ops("restart server --yes");
    expect([code, err]).toEqual([1, expect.stringContaining("another deployment took its place")]);
  });
});

describe("scale", () => {
  const healthyTasks = (count: number): Answers => ({
    ListTasks: () => ({ taskArns: Array.from({ length: count }, (_, at) => `task/${at}`) }),
    DescribeTasks: () => ({
      tasks: Array.from({ length: count }, () => ({ lastStatus: "RUNNING", healthStatus: "HEALTHY" })),
    }),
  });

  it("changes the number of tasks, waits for it, and says that the settings have another one", async () => {
    let running = 1;
    const updated: Input[] = [];
    await withAws({
      ...healthyTasks(3),
      DescribeServices: () => ({
        services: [service("agent-app", { desiredCount: running, runningCount: running })],
      }),
      UpdateService: (input) => {
        updated.push(input);
        running = 3;
        return { service: service("agent-app") };
      },
    });
    const { code, out } = await ops("scale agent app --count 3 --yes");
    expect(updated).toEqual([{ cluster: "dbward-prod", service: "agent-app", desiredCount: 3 }]);
    expect(out).toContain("Scale agent-app from 1 to 3; the settings have 1");
    expect([code, out]).toEqual([0, expect.stringMatching(/agent-app: 3 of 3 running and healthy\.$/)]);
  });

  it("keeps to the bounds of an agent that scales by the queue, and stops it on demand", async () => {
    let desired = 2;
    await withAws({
      ...healthyTasks(0),
      DescribeServices: () => ({
        services: [service("agent-app", { desiredCount: desired, runningCount: desired })],
      }),
      UpdateService: ({ desiredCount }) => {
        desired = desiredCount as number;
        return { service: service("agent-app") };
      },
    });
    const [app] = stageInput().agents;
    const changes = { agents: [{ ...app!, scaling: { min: 2, max: 4 } }] };
    const beyond = await ops("scale agent app --count 5 --yes", changes);
    expect([beyond.code, beyond.err]).toEqual([
      2,
      expect.stringContaining("Agent app scales by itself between 2 and 4 tasks."),
    ]);
    const stopped = await ops("scale agent app --count 0 --yes", changes);
    expect(stopped.out).toContain("Scale agent-app from 2 to 0; the settings have 2 or more");
    expect([stopped.code, desired]).toEqual([0, 0]);
    const status = await ops("scale agent app --count 3 --dry-run", changes);
    expect(status.out).toContain("Scale agent-app from 0 to 3; the poller continues from there by the queue");
  });

  it("continues an interrupted run, and has nothing to do after one that ended", async () => {
    const cut = { desiredCount: 2, runningCount: 1 };
    const done = { desiredCount: 2, runningCount: 2 };
    const peer = await withAws({
      ...healthyTasks(2),
      DescribeServices: () => ({
        services: [service("agent-app", done), service("agent-reports", peer.calls.length > 2 ? done : cut)],
      }),
      UpdateService: () => ({ service: service("agent-reports", cut) }),
    });
    const first = await ops("scale agent --count 2 --yes");
    expect([first.code, first.out]).toEqual([0, expect.stringContaining("Scale agent-reports from 1 to 2")]);
    expect(first.out).not.toContain("agent-app from");
    expect(await ops("scale agent --count 2 --yes")).toMatchObject({
      code: 0,
      out: "Scale app, reports of stage prod to 2: nothing to do.",
    });
  });
});

describe("doctor", () => {
  it("names the cause that ECS and dbward's log show, and what to do", async () => {
    await withAws({
      ...HEALTHY,
      DescribeServices: () => ({
        services: [SERVICES[0], service("agent-app", { runningCount: 0 }), SERVICES[2]],
      }),
      ListTasks: ({ desiredStatus }) => ({
        taskArns: desiredStatus === "STOPPED" ? ["c/t1"] : ["c/t2", "c/t3"],
      }),
      DescribeTasks: ({ tasks }) => ({
        tasks: (tasks as string[]).map((taskArn) =>
          taskArn === "c/t1"
            ? {
                taskArn,
                group: "service:agent-app",
                taskDefinitionArn: "arn:aws:ecs:eu-central-1:123456789012:task-definition/agent-app:3",
                lastStatus: "STOPPED",
                stopCode: "EssentialContainerExited",
                stoppedReason: "Essential container in task exited",
                stoppedAt: NOW,
                containers: [{ name: "agent", exitCode: 1 }],
              }
            : {
                taskArn,
                group: taskArn === "c/t2" ? "service:server" : "service:agent-reports",
                lastStatus: "RUNNING",
                healthStatus: "HEALTHY",
              },
        ),
      }),
      DescribeTaskDefinition: () => ({
        taskDefinition: {
          containerDefinitions: [
            {
              name: "agent",
              logConfiguration: {
                logDriver: "awslogs",
                options: { "awslogs-group": "/ecs/dbward-prod/agent-app", "awslogs-stream-prefix": "agent" },
              },
            },
          ],
        },
      }),
      GetLogEvents: ({ logGroupName, logStreamName }) => ({
        events: [
          { message: `${logGroupName} ${logStreamName}` },
          {
            message:
              'Agent error: server error: 401 {"error":"authentication failed","code":"unauthorized"} ' +
              CANARY,
          },
        ],
      }),
    });
    const { code, out } = await ops("doctor");
    expect(out).toContain("! agent app: The server refuses the agent's token.");
    expect(out).toContain("Agent error: server error: 401");
    expect(out).toContain("Essential container in task exited; container agent: exit code 1");
    expect(out).toContain("→ Follow docs/runbooks/token-refused.md");
    expect(out).not.toContain(CANARY);
    expect(code).toBe(1);

    const json = await ops("doctor --json");
    expect(JSON.parse(json.out)).toMatchObject({
      stage: "prod",
      findings: [{ code: "token-refused", subject: "agent app", severity: "error" }],
    });
  });

  it("reports what it was not allowed to check, and continues", async () => {
    const denied = () => {
      throw new AwsFault("AccessDeniedException", "User: me is not authorized to perform: ecs:ListTasks");
    };
    await withAws({ ...HEALTHY, ListTasks: denied, DescribeTaskDefinition: () => ({ taskDefinition: {} }) });
    const { code, out } = await ops("doctor");
    expect(out).toMatch(/^\? tasks: The tasks could not be read\.\n.*ecs:ListTasks/m);
    expect(out).toMatch(/Stage prod in eu-central-1: No problems found; 1 not checked\.$/);
    expect(code).toBe(0);
  });
});

describe("logs", () => {
  /** A stage whose log groups are not called as a deployment would call them. */
  const LOG_GROUPS: Answers = {
    DescribeStacks: ({ StackName }) => ({
      Stacks: [
        {
          StackName,
          StackStatus: "CREATE_COMPLETE",
          Outputs: [
            { OutputKey: "PollerLogGroupName", OutputValue: "group of the poller" },
            { OutputKey: "ApplyLogGroupName", OutputValue: "group of the applier" },
          ],
        },
      ],
    }),
    DescribeServices: ({ services }) => ({ services: (services as string[]).map((name) => service(name)) }),
    DescribeTaskDefinition: ({ taskDefinition }) => ({
      taskDefinition: {
        containerDefinitions: [
          { name: "agent", logConfiguration: { options: { "awslogs-group": `group of ${taskDefinition}` } } },
        ],
      },
    }),
  };
  const line = (eventId: string, timestamp: number, message: string) => ({ eventId, timestamp, message });

  it("prints the lines of several parts in order of time, without secrets and terminal controls", async () => {
    await withAws({
      ...LOG_GROUPS,
      FilterLogEvents: ({ logGroupName, nextToken }) => {
        if (logGroupName === "group of agent-reports:3") throw new AwsFault("ResourceNotFoundException");
        return nextToken
          ? { events: [line("1", 1_000, `first ${CANARY}\n`)] }
          : { events: [line("2", 2_000, "second \u001b]0;title\u0007")], nextToken: "more" };
      },
    });
    const { code, out } = await ops("logs agent");
    expect(code).toBe(0);
    expect(out.split("\n")).toEqual([
      "1970-01-01T00:00:01.000Z app     first dbw_[redacted]",
      "1970-01-01T00:00:02.000Z app     second \\x1b]0;title\\x07",
    ]);
  });

  it.each([
    ["logs server", ["server:3"]],
    ["logs agent app poller", ["agent-app:3", "the poller"]],
    ["logs agent server", ["server:3", "agent-app:3", "agent-reports:3"]],
    ["logs agent apply", ["agent-app:3", "agent-reports:3", "the applier"]],
    ["logs", ["server:3", "agent-app:3", "agent-reports:3", "the poller", "the applier"]],
  ])("reads the groups of %j, as the deployed stage names them", async (command, groups) => {
    const read: unknown[] = [];
    await withAws({
      ...LOG_GROUPS,
      FilterLogEvents: ({ logGroupName }) => {
        read.push(logGroupName);
        return { events: [] };
      },
    });
    const { out } = await ops(command);
    expect(read.sort()).toEqual(groups.map((name) => `group of ${name}`).sort());
    expect(out).toMatch(/^No lines in the last 10m in /);
  });

  it("says that a log group is not known before the stage is deployed", async () => {
    await withAws({ ...LOG_GROUPS, DescribeServices: () => ({ services: [] }) });
    const { code, err } = await ops("logs server");
    expect([code, err]).toEqual([
      1,
      expect.stringContaining("Service server doesn't exist in cluster dbward-prod"),
    ]);
  });

  it("asks for the lines that contain a text, and shows no others", async () => {
    let pattern: unknown;
    await withAws({
      ...LOG_GROUPS,
      FilterLogEvents: ({ filterPattern }) => {
        pattern = filterPattern;
        return { events: [line("1", 1_000, 'level="warn" x'), line("2", 2_000, "level warn")] };
      },
    });
    const { out } = await ops('logs server --filter level="warn"');
    expect([pattern, out]).toEqual(['"level=\\"warn\\""', '1970-01-01T00:00:01.000Z level="warn" x']);
  });

  it("follows new lines until Ctrl-C, and prints none twice", async () => {
    const stop = new AbortController();
    const now = Date.now();
    const answers = [
      [line("1", now, "one")],
      [line("1", now, "one"), line("3", now + 9, "three")],
      // It came late, and is older than what was printed.
      [line("2", now + 5, "two"), line("3", now + 9, "three")],
    ];
    await withAws({
      ...LOG_GROUPS,
      FilterLogEvents: () => {
        const events = answers.shift() ?? [];
        if (answers.length === 0) stop.abort();
        return { events };
      },
    });
    const { code, out } = await ops("logs server --follow", {}, stop.signal);
    expect(code).toBe(0);
    expect(out.split("\n").map((text) => text.split(" ")[1])).toEqual(["one", "three", "two"]);
  }, 60_000);
});
