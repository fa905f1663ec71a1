import { describe, expect, it } from "vitest";
import { agentSettings } from "../test-support/settings.ts";
import { templates } from "../test-support/synth.ts";

const AGENTS = [
  agentSettings({ token: "bootstrap" }),
  agentSettings({ name: "payments", ecsExec: true }),
  agentSettings({ name: "billing", databases: [database("APP_URL"), database("REPORTS_URL")] }),
];
type Agents = typeof AGENTS;

function database(variable: string) {
  return { variable, urlSecret: `dbward/${variable}`, port: 5432, securityGroupId: "sg-0123456789abcdef0" };
}

/** The templates of a stage with these agents. */
function templatesOf(agents: Agents, method: "exec" | "task" = "exec") {
  const stacks = templates({ agents, capture: { method, allowSessionLogging: false } });
  return Object.fromEntries(Object.entries(stacks).map(([name, stack]) => [name, stack.toJSON()]));
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

const names = (agents: Agents) => agents.map(({ name }) => name).join(", ");

describe.each(["exec", "task"] as const)(
  "the agents' place in the list, with capture method %s",
  (method) => {
    const expected = templatesOf(AGENTS, method);

    it.each(permutations(AGENTS).map((agents) => [names(agents), agents] as const))(
      "means nothing: %s",
      (_names, agents) => expect(templatesOf(agents, method)).toEqual(expected),
    );
  },
);

describe("an agent's secret, parameters, service and rights", () => {
  const withAll = templates({ agents: AGENTS });
  const withOne = (agent: Agents[number]) => templates({ agents: [agent] });

  it.each(AGENTS.map((agent) => [agent.name, agent] as const))(
    "are those of %s, whatever other agents there are",
    (name, agent) => {
      const alone = withOne(agent);
      for (const stack of ["state", "agents"] as const) {
        const resources = Object.entries(alone[stack].toJSON().Resources as Record<string, unknown>);
        const own = resources.filter(([id]) => id.includes(`Agent${name}`) || id.includes(`AgentArn${name}`));
        expect(own.length, stack).toBeGreaterThan(1);
        expect(withAll[stack].toJSON().Resources).toMatchObject(Object.fromEntries(own));
      }
    },
  );
});
