import { NAME } from "../names.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { table } from "../schema/table.ts";
import { boolean, list, oneOf, text, u32, u64 } from "../schema/types.ts";
import type { TableNode } from "../toml/nodes.ts";

const scope = { database: text.where(NAME), environment: text.where(NAME) };

/** dbward's default, in seconds. It applies as if it were in the file. */
const MAX_STATEMENT_TIMEOUT = 600n;

/** Timeouts that must not exceed the maximum, with their defaults in seconds. */
const STATEMENT_TIMEOUTS = { statement_timeout_secs: 30n, migration_statement_timeout_secs: 0n };

/** `[[execution_policies]]`. */
export const executionPolicies = list(
  table(
    {
      ...scope,
      max_executions: u32,
      execution_window_secs: u64,
      retry_on_failure: boolean,
      statement_timeout_secs: u32,
      max_statement_timeout_secs: u32,
      max_rows: u32,
      migration_lease_duration_secs: u32,
      migration_statement_timeout_secs: u32,
    },
    { rules: [checkExecutions, checkTimeouts] },
  ),
);

function checkExecutions(policy: TableNode, path: Path, report: Report): void {
  const executions = policy.integer("max_executions");
  if (executions?.value !== 0n) return;
  const place = child(path, "max_executions");
  report.add(executions, place, "execution-policy", `${report.render(place)} must be at least 1.`);
}

function checkTimeouts(policy: TableNode, path: Path, report: Report): void {
  const max = policy.integer("max_statement_timeout_secs");
  for (const [field, fallback] of Object.entries(STATEMENT_TIMEOUTS)) {
    const timeout = policy.integer(field);
    if ((timeout?.value ?? fallback) <= (max?.value ?? MAX_STATEMENT_TIMEOUT)) continue;
    const place = child(path, field);
    const unset = timeout ? "" : `, which is ${fallback} unless it is set,`;
    report.add(
      timeout ?? max ?? policy,
      place,
      "execution-policy",
      `${report.render(place)}${unset} must not exceed max_statement_timeout_secs, which is ${MAX_STATEMENT_TIMEOUT} unless it is set.`,
    );
  }
}

/** `[[result_policies]]`. */
export const resultPolicies = list(
  table({
    ...scope,
    retention_days: u32,
    delivery_mode: oneOf("result-policy-delivery-mode", ["both", "stream"]),
    access: list(
      text.where({
        rule: "result-policy-access",
        expected: '"requester", "role:NAME", "group:NAME" or "user:NAME"',
        accepts: (value) => value === "requester" || /^(role|group|user):./s.test(value),
      }),
    ),
  }),
);

/** `[[notification_policies]]`. */
export const notificationPolicies = list(table({ ...scope, webhooks: list(text), events: list(text) }));

/** A rule for the whole file: policies must name webhooks of the file. */
export function checkNotifiedWebhooks(config: TableNode, root: Path, report: Report): void {
  const ids = new Set(config.tables("webhooks").map(({ table: webhook }) => webhook.text("id")?.value));
  for (const { table: policy, index } of config.tables("notification_policies")) {
    const path = child(root, "notification_policies", index, "webhooks");
    for (const { text: id, index: place } of policy.texts("webhooks")) {
      if (ids.has(id.value)) continue;
      report.expect(id, child(path, place), "notification-policy-webhook", "the id of one of [[webhooks]]");
    }
  }
}
