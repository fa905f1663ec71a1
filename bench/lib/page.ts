import { startDashboardPage } from "@dbward-aws/ops-page";
import { loadStage, type StageSettings } from "@dbward-aws/settings";
import { startAwsPeer } from "../../packages/ops/src/test-support/aws-peer.ts";

const STAGE = "load";
const VERSION = "11111111-2222-4333-8444-555555555555";
const TOKEN = `dbw_${"c0ffee00".repeat(4)}`;
const SERVER_TOML = `
[[databases]]
name = "app"
environments = ["production"]
`;
const AGENT_TOML = `
[server]
url = "http://server:3000"
agent_token = "\${DBWARD_AGENT_TOKEN}"

[databases.app.production]
url = "\${DATABASE_URL}"
`;

/** How long a page needs to show the state of a stage. */
export interface PageLook {
  /** Milliseconds of a look. */
  readonly ms: number;
  /** Calls of AWS for it. */
  readonly calls: number;
}

/** Opens the page of a stage with so many agents, and waits for what it shows. */
export async function lookAtPage(agents: number): Promise<PageLook> {
  const settings = stageWith(agents);
  const services = [settings.server, ...settings.agents].map((_, index) =>
    index === 0 ? "server" : `agent-agent-${index - 1}`,
  );
  const taskArn = (service: string) => `arn:aws:ecs:eu-west-1:111122223333:task/dbward-${STAGE}/${service}`;
  const aws = await startAwsPeer({
    DescribeStacks: () => ({ Stacks: [] }),
    ListStacks: () => ({ StackSummaries: [] }),
    DescribeServices: ({ services: asked }) => ({
      services: (asked as string[]).map((serviceName) => ({
        serviceName,
        status: "ACTIVE",
        desiredCount: 1,
        runningCount: 1,
        taskDefinition: `arn:aws:ecs:eu-west-1:111122223333:task-definition/${serviceName}:1`,
        deployments: [{ status: "PRIMARY", rolloutState: "COMPLETED" }],
        events: [],
      })),
    }),
    ListTasks: ({ desiredStatus, nextToken }) => {
      const at = Number(nextToken ?? 0);
      const all = desiredStatus === "STOPPED" ? [] : services;
      const next = at + TASKS_A_PAGE < all.length ? { nextToken: String(at + TASKS_A_PAGE) } : {};
      return { taskArns: all.slice(at, at + TASKS_A_PAGE).map(taskArn), ...next };
    },
    DescribeTasks: ({ tasks }) => ({
      tasks: (tasks as string[]).map((arn) => ({
        taskArn: arn,
        group: `service:${arn.split("/").at(-1)}`,
        lastStatus: "RUNNING",
        healthStatus: "HEALTHY",
        startedAt: 1_780_000_000,
        taskDefinitionArn: `arn:aws:ecs:eu-west-1:111122223333:task-definition/${arn.split("/").at(-1)}:1`,
        containers: [],
      })),
    }),
    DescribeSecret: () => ({
      VersionIdsToStages: { [VERSION]: ["AWSCURRENT"] },
      LastChangedDate: 1_780_000_000,
    }),
    GetSecretValue: () => ({ SecretString: TOKEN, VersionId: VERSION }),
    DescribeAlarms: () => ({ MetricAlarms: [], CompositeAlarms: [] }),
    DescribeAlarmHistory: () => ({ AlarmHistoryItems: [] }),
    GetMetricData: () => ({ MetricDataResults: [] }),
  });
  try {
    return await lookOnce(settings, aws);
  } finally {
    await aws.close();
  }
}

/** As ECS lists tasks. */
const TASKS_A_PAGE = 100;

async function lookOnce(
  settings: StageSettings,
  aws: { readonly url: string; readonly calls: readonly string[] },
): Promise<PageLook> {
  const credentials = { accessKeyId: "bench", secretAccessKey: "bench" };
  const page = await startDashboardPage({
    stage: STAGE,
    settings,
    aws: { region: "eu-west-1", endpoint: aws.url, credentials },
  });
  try {
    const opened = await fetch(page.url);
    await opened.text();
    const [cookie = ""] = (opened.headers.get("set-cookie") ?? "").split(";");
    const [before, start] = [aws.calls.length, performance.now()];
    const answer = await fetch(new URL("/api/state", page.url), { headers: { cookie } });
    const state = (await answer.json()) as Record<"services" | "tasks" | "tokens", { items?: unknown[] }>;
    const ms = performance.now() - start;
    for (const [part, count] of [
      ["services", settings.agents.length + 1],
      ["tasks", settings.agents.length + 1],
      ["tokens", settings.agents.length + 2],
    ] as const)
      if (state[part].items?.length !== count)
        throw new Error(`The page has not ${count} ${part}: ${JSON.stringify(state[part]).slice(0, 500)}`);
    return { ms, calls: aws.calls.length - before };
  } finally {
    await page.close();
  }
}

function stageWith(agents: number): StageSettings {
  const image = { tag: "0.2.0" };
  return loadStage(
    {
      stages: {
        [STAGE]: {
          server: { image, configToml: SERVER_TOML },
          agents: Array.from({ length: agents }, (_, index) => ({
            name: `agent-${index}`,
            image,
            configToml: AGENT_TOML,
            database: { urlSecret: "dbward/load/database-url", cidrs: ["10.8.0.0/16"] },
          })),
        },
      },
    },
    STAGE,
    { root: "." },
  );
}
