import type { StageInput } from "../schema/stage.ts";

export const SERVER_TOML = `
[[databases]]
name = "app"
environments = ["production"]

[[workflows]]
database = "app"
[workflows.auto_approve]
mode = "always"
`;

export const AGENT_TOML = `
[server]
url = "http://server:3000"
agent_token = "\${DBWARD_AGENT_TOKEN}"

[databases.app.production]
url = "\${DATABASE_URL}"
`;

/** The least that a stage has to say, with `changes` merged in: objects are merged, everything else replaced. */
export function stageInput(changes: unknown = {}): StageInput {
  return merge(
    {
      server: { image: { tag: "0.2.0" }, configToml: SERVER_TOML },
      agents: [
        {
          name: "app",
          image: { tag: "0.2.0" },
          configToml: AGENT_TOML,
          database: { urlSecret: "dbward/prod/database-url", cidrs: ["192.168.7.0/24"] },
        },
      ],
    },
    changes,
  ) as StageInput;
}

function merge(base: unknown, changes: unknown): unknown {
  if (!isObject(changes) || !(isObject(base) || Array.isArray(base))) return changes;
  const merged: Record<string, unknown> = { ...(base as object) };
  for (const [key, value] of Object.entries(changes))
    merged[key] = key in merged ? merge(merged[key], value) : value;
  return Array.isArray(base) ? Object.values(merged) : merged;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
