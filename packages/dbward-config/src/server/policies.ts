import { NAME } from "../names.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { table } from "../schema/table.ts";
import { boolean, list, oneOf, text, u32, u64 } from "../schema/types.ts";
import type { TableNode } from "../toml/nodes.ts";

const scope = { database: text.where(NAME), environment: text.where(NAME) };

/** dbward's defaults of the two limits, in seconds. They count in the comparison as if they were in the file. */
const STATEMENT_TIMEOUT = 30n;
const MAX_STATEMENT_TIMEOUT = 600n;

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
  const max = policy.integer("max_statement_timeout_secs")?.value ?? MAX_STATEMENT_TIMEOUT;
  const limits = [
    ["statement_timeout_secs", STATEMENT_TIMEOUT],
    ["migration_statement_timeout_secs", 0n],
  ] as const;
  for (const [field, fallback] of limits) {
    const node = policy.integer(field);
    if ((node?.value ?? fallback) <= max) continue;
    const place = child(path, field);
    report.add(
      node ?? policy.integer("max_statement_timeout_secs") ?? policy,
      place,
      "execution-policy",
      `${report.render(place)} (default ${fallback}) must not be above max_statement_timeout_secs (default ${MAX_STATEMENT_TIMEOUT}).`,
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

/** A rule of the whole file: policies name webhooks of the file. */
export function checkNotifiedWebhooks(config: TableNode, root: Path, report: Report): void {
  const ids = new Set(config.tables("webhooks").map(({ table: webhook }) => webhook.text("id")?.value));
  for (const { table: policy, index } of config.tables("notification_policies")) {
    const path = child(child(child(root, "notification_policies"), index), "webhooks");
    for (const { text: id, index: place } of policy.texts("webhooks")) {
      if (ids.has(id.value)) continue;
      report.expect(id, child(path, place), "notification-policy-webhook", "the id of one of [[webhooks]]");
    }
  }
}
