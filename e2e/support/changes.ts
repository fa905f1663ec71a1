import type { StageInput } from "@dbward-aws/settings";

/** The secret with the database's URL, which the local stage creates. */
export const DATABASE_URL = "dbward/local/database-url";

/**
 * What differs from the stage of settings/changed.config.ts: fields of the server, and other sections as a
 * whole.
 */
export type Changes = Partial<Omit<StageInput, "server">> & {
  readonly server?: Partial<StageInput["server"]>;
};

/** The variable by which settings/changed.config.ts takes changes. */
export function changesVariable(changes: Changes): Record<string, string> {
  return { E2E_CHANGES: JSON.stringify(changes) };
}

/**
 * An agent whose database is on this machine, with some of its settings replaced. `app` has the bootstrap
 * token.
 */
export function agent(name: string, changes: object = {}): StageInput["agents"][number] {
  return {
    name,
    ...(name === "app" ? { token: "bootstrap" } : {}),
    image: { tag: "0.2.0" },
    configFile: "config/agent.toml",
    database: { urlSecret: DATABASE_URL, cidrs: ["127.0.0.0/8"] },
    ...changes,
  };
}
