import { BOOTSTRAP_AGENT_SUBJECT, METRICS_USER, OTHER_AGENTS } from "@dbward-aws/contract";

const AGENT_NAMES: Readonly<Record<string, string>> = {
  admin: "it is the administrator's, in dbward and in `pnpm ops tokens`",
  [BOOTSTRAP_AGENT_SUBJECT]:
    "it is the subject of dbward's bootstrap token, so two agents would share one row in /api/agents",
  server: "commands and log groups use it for the dbward server",
  metrics: "`pnpm ops tokens` uses it for the poller's token",
  [METRICS_USER]: "it is the poller's user on the server",
  [OTHER_AGENTS]: "metrics use it for the agents beyond perAgentMetrics",
};

/** Why an agent can't have this name; `undefined` when it can. */
export function agentNameMeaning(name: string): string | undefined {
  if (Object.hasOwn(AGENT_NAMES, name)) return AGENT_NAMES[name];
  return name.startsWith("bootstrap-")
    ? "dbward treats tokens with such a name as its own bootstrap tokens, and refuses its next start"
    : undefined;
}
