import type { StageInput } from "@dbward-aws/settings";
import { createAwsClients, type LiveStack } from "@dbward-aws/stage";
import { describe, expect, it } from "vitest";
import { AwsFault, type Input } from "../test-support/aws-peer.ts";
import { stageSettings, withAws } from "../test-support/ops-run.ts";
import { checkAgentTokens } from "./check-agent-tokens.ts";
import { PreflightFindings } from "./findings.ts";

const { config } = stageSettings().agents[0]!;
const agent = (name: string, token?: "own" | "bootstrap"): StageInput["agents"][number] => ({
  name,
  ...(token && { token }),
  image: { tag: "0.2.0" },
  configToml: config.source === "rendered" ? config.toml : "",
  database: { urlSecret: `dbward/prod/${name}-url`, cidrs: ["10.9.0.0/16"] },
});

const PATH = "/dbward/prod/agent-token-secret";
/** The secrets of the deployed agents, by the agents' names. */
type Secrets = Readonly<Record<string, string>>;
const APP_HAS_IT: Secrets = {
  reports: "agent-token/reports",
  app: "agent-token",
  payments: "agent-token/payments",
};

function stackOf(secrets: Secrets): LiveStack {
  const resources = Object.keys(secrets).map((name) => ({
    LogicalResourceId: name,
    ResourceType: "AWS::SSM::Parameter",
    PhysicalResourceId: `${PATH}/${name}`,
    LastUpdatedTimestamp: new Date(0),
    ResourceStatus: "CREATE_COMPLETE" as const,
  }));
  return {
    id: "State",
    name: "prod-dbward-State",
    arn: "arn:aws:cloudformation:eu-central-1:123456789012:stack/prod-dbward-State/1",
    status: "CREATE_COMPLETE",
    isProtected: false,
    resources,
    outputs: new Map(),
  };
}

function parametersOf(secrets: Secrets) {
  return ({ Path }: Input) => ({
    Parameters: Object.entries(Path === PATH ? secrets : {}).map(([name, secret]) => ({
      Name: `${PATH}/${name}`,
      Value: `arn:aws:secretsmanager:eu-central-1:123456789012:secret:dbward/prod/${secret}-a1B2c3`,
    })),
  });
}

async function findingsOf(
  agents: StageInput["agents"],
  secrets: Secrets,
  { stacks = [stackOf(secrets)], answer = parametersOf(secrets) as (input: Input) => object } = {},
): Promise<PreflightFindings> {
  await withAws({ GetParametersByPath: answer });
  const findings = new PreflightFindings();
  await checkAgentTokens(stageSettings({ agents }), stacks, createAwsClients("eu-central-1"), findings);
  return findings;
}

const NOTHING = { mistakes: [], warnings: [] };

describe("the tokens of deployed agents", () => {
  it.each<[string, StageInput["agents"]]>([
    ["keeps it", [agent("app", "bootstrap"), agent("reports")]],
    [
      "keeps it, behind a new agent and another order",
      [agent("new"), agent("reports"), agent("app", "bootstrap")],
    ],
    ["gets a token of its own, by the setting", [agent("app", "own"), agent("reports")]],
    ["is removed", [agent("reports"), agent("payments")]],
  ])("are accepted when the agent with the bootstrap token %s", async (_title, agents) => {
    expect(await findingsOf(agents, APP_HAS_IT)).toEqual(NOTHING);
  });

  it.each([
    [0, [agent("app"), agent("reports")]],
    [1, [agent("reports"), agent("app")]],
  ])("are refused when it would lose it by an omission, as agent %i of the list", async (index, agents) => {
    const { mistakes } = await findingsOf(agents, APP_HAS_IT);
    expect(mistakes).toEqual([
      `stages.prod.agents.${index}.token is missing: in the deployed stage, agent "app" has the bootstrap token, in secret ` +
        'dbward/prod/agent-token. Write token: "bootstrap" to keep both. With token: "own" the agent gets a new token in a new ' +
        "secret, dbward/prod/agent-token/app",
    ]);
  });

  it("are refused when one agent gives it up and another takes it in the same deployment", async () => {
    const both = await findingsOf([agent("reports", "bootstrap"), agent("app", "own")], APP_HAS_IT);
    expect(both.mistakes).toEqual([
      expect.stringMatching(
        /^stages\.prod\.agents\.0\.token is "bootstrap", .* agent "app"'s.* with token: "own" for app, then with this line$/,
      ),
    ]);
    const renamed = await findingsOf([agent("application", "bootstrap")], APP_HAS_IT);
    expect(renamed.mistakes).toEqual([
      expect.stringMatching(/Deploy once without this line and with no agent that has the bootstrap token/),
    ]);
  });

  it.each<[string, Secrets]>([
    [
      "no agent has the bootstrap token",
      { app: "agent-token/app", "agent-token": "agent-token/agent-token" },
    ],
    ["there are no agents yet", {}],
  ])("are as the settings say where %s", async (_title, secrets) => {
    expect(await findingsOf([agent("app", "bootstrap"), agent("reports")], secrets)).toEqual(NOTHING);
    expect(await findingsOf([agent("app")], secrets)).toEqual(NOTHING);
  });

  it("are not derived from parameters that a removed stage has left", async () => {
    expect(await findingsOf([agent("app")], APP_HAS_IT, { stacks: [] })).toEqual(NOTHING);
  });

  it("are a warning when they may not be looked at", async () => {
    const answer = () => {
      throw new AwsFault("AccessDeniedException", "not authorized");
    };
    const { mistakes, warnings } = await findingsOf([agent("app")], APP_HAS_IT, { answer });
    expect(mistakes).toEqual([]);
    expect(warnings).toEqual([
      "Whether the agents keep their tokens was not checked: your identity is not allowed ssm:GetParametersByPath",
    ]);
  });
});
