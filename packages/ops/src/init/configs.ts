import { AGENT } from "@dbward-aws/contract";

/** A database as dbward knows it. */
export interface DbwardDatabase {
  readonly name: string;
  readonly environment: string;
}

/** The server.toml of a stage with one database: people read at once, everything else waits for an approval. */
export function serverToml({ name, environment }: DbwardDatabase): string {
  return `# dbward-server, version 0.2.0. The deployment adds its own settings: state_dir, [result_storage], the role of the metrics
# token, and JSON log lines.

[[databases]]
name = "${name}"
environments = ["${environment}"]

# Reading is approved automatically.
[[workflows]]
database = "${name}"
environment = "${environment}"
operations = ["execute_select", "migrate_status"]

[workflows.auto_approve]
mode = "always"

# Everything else waits for the approval of another user, who has the role "approver".
[[workflows]]
database = "${name}"
environment = "${environment}"
operations = ["execute_dml", "migrate_up", "migrate_down", "migrate_repair"]

[[workflows.steps]]
[[workflows.steps.approvers]]
role = "approver"
min = 1
`;
}

/** The agent.toml that goes with {@link serverToml}. */
export function agentToml({ name, environment }: DbwardDatabase): string {
  return `# dbward-agent, version 0.2.0. Variables come from the container's environment, which the deployment fills from Secrets
# Manager.
poll_interval_ms = 1000
max_concurrent_tasks = 4
operations = ["execute_select", "execute_dml", "migrate_up", "migrate_down", "migrate_status"]
drain_timeout_secs = 60

[server]
url = "http://server:3000"
agent_token = "\${${AGENT.tokenVariable}}"

[databases.${name}.${environment}]
url = "\${${AGENT.databaseUrlVariable}}"
`;
}
