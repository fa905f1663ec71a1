import { describe, expect, it, onTestFinished } from "vitest";
import { startHttpServer } from "../../core/src/test-support/http-server.ts";
import { type Answers, AwsFault } from "./test-support/aws-peer.ts";
import { CANARY, ops, withAws } from "./test-support/ops-run.ts";

/** A server that answers `/health` as a recorded one does. @returns the option that names it */
async function serverOf(version: string): Promise<string> {
  const server = await startHttpServer((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ status: "ok", version, min_agent_version: version }));
  });
  onTestFinished(server.close);
  return `--url ${server.url}`;
}

interface Deployed {
  readonly server?: string;
  readonly agent?: string;
  /** Revision of the task definition that the server's task runs. @default 3, the one that is deployed */
  readonly runs?: number;
  readonly more?: Answers;
}

/** A stage in which all is well, with these images. */
function stage({
  server = "x/server:0.2.0",
  agent = "x/agent:0.2.0",
  runs = 3,
  more,
}: Deployed = {}): Answers {
  const definition = (name: string, revision = 3) =>
    `arn:aws:ecs:eu-central-1:123456789012:task-definition/${name}:${revision}`;
  return {
    DescribeStacks: ({ StackName }) => ({
      Stacks: [{ StackName, StackStatus: "UPDATE_COMPLETE", CreationTime: "2026-01-01T00:00:00Z" }],
    }),
    ListStackResources: () => ({ StackResourceSummaries: [] }),
    DescribeServices: ({ services }) => ({
      services: (services as string[]).map((serviceName) => ({
        serviceName,
        status: "ACTIVE",
        desiredCount: 1,
        runningCount: 1,
        taskDefinition: definition(serviceName),
        deployments: [{ id: "d1", status: "PRIMARY", rolloutState: "COMPLETED" }],
      })),
    }),
    DescribeTaskDefinition: ({ taskDefinition }) => ({
      taskDefinition: {
        containerDefinitions: String(taskDefinition).includes("/server")
          ? [{ name: "server", image: server }]
          : [{ name: "agent", image: agent }],
      },
    }),
    ListTasks: ({ desiredStatus }) => ({ taskArns: desiredStatus === "STOPPED" ? [] : ["c/t1"] }),
    DescribeTasks: () => ({
      tasks: [
        {
          taskArn: "c/t1",
          group: "service:server",
          lastStatus: "RUNNING",
          healthStatus: "HEALTHY",
          startedAt: 1_780_000_000,
          taskDefinitionArn: definition("server", runs),
        },
      ],
    }),
    DescribeAlarms: () => ({ MetricAlarms: [] }),
    DescribeAlarmHistory: () => ({ AlarmHistoryItems: [] }),
    GetMetricData: ({ MetricDataQueries }) => ({
      MetricDataResults: (MetricDataQueries as { Id: string }[]).map(({ Id }) => ({
        Id,
        Values: [1],
        Timestamps: [Date.now() / 1000],
      })),
    }),
    DescribeSecret: () => ({ VersionIdsToStages: { v1: ["AWSCURRENT"] }, LastChangedDate: 1_780_000_000 }),
    GetSecretValue: () => ({ SecretString: CANARY }),
    ...more,
  };
}

describe("versions in `ops status`", () => {
  const status = async (version: string, deployed?: Deployed) => {
    await withAws(stage(deployed));
    return ops(`status ${await serverOf(version)}`);
  };

  it("are no problem when the server reports the tag that is deployed", async () => {
    expect(await status("0.2.0")).toMatchObject({
      code: 0,
      out: expect.stringContaining("No problems found."),
    });
  });

  it("name a former task that still runs", async () => {
    const { code, out } = await status("0.2.0", {
      server: "x/server:0.3.0",
      agent: "x/agent:0.3.0",
      runs: 2,
    });
    expect(code).toBe(1);
    expect(out).toContain("! server: The server reports version 0.2.0, and 0.3.0 is deployed.");
    expect(out).toContain("Task t1 still runs server:2; server:3 is deployed");
    expect(out).toContain("→ Run: pnpm ops restart server --stage prod");
  });

  it("name a tag that was moved", async () => {
    const { code, out } = await status("0.3.0", { server: "acme:5000/server:0.2.0", agent: "x/agent:0.3.0" });
    expect(code).toBe(1);
    expect(out).toContain("The server reports version 0.3.0, and 0.2.0 is deployed.");
    expect(out).toContain("acme:5000/server:0.2.0 holds another version than its tag says");
    expect(out).toContain("or a digest, and deploy");
  });

  it("name agents that get no work", async () => {
    const { code, out } = await status("0.3.0", { server: "x/server:0.3.0" });
    expect(code).toBe(1);
    for (const agent of ["app", "reports"])
      expect(out).toContain(
        `Agent ${agent} runs 0.2.0; the server gives work to agents of 0.3.0 or newer only.\n  → Run: pnpm ops upgrade 0.3.0`,
      );
  });

  it.each(["x/server@sha256:0123", "x/server:stable", "localhost:5000/server"])(
    "are not compared with %s, which is not a version",
    async (server) => {
      expect(await status("0.9.0", { server, agent: "x/agent:0.9.0" })).toMatchObject({ code: 0 });
    },
  );

  it("are unknown when the task definition can't be read", async () => {
    const denied = () => {
      throw new AwsFault("AccessDeniedException", "no");
    };
    const { code, out } = await status("0.2.0", { more: { DescribeTaskDefinition: denied } });
    expect([code, out]).toEqual([
      0,
      expect.stringContaining("The server reports version 0.2.0; which one is deployed could not be read."),
    ]);
  });
});

it("`ops status` does not mention versions when no server answers", async () => {
  await withAws(stage());
  expect(await ops("status --url http://127.0.0.1:1")).toMatchObject({ code: 0 });
});
