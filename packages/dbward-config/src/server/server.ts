import { isNetwork } from "../net/addresses.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { required, table } from "../schema/table.ts";
import { anything, boolean, list, text } from "../schema/types.ts";
import type { TableNode } from "../toml/nodes.ts";
import { auth } from "./auth.ts";
import { databases, limitDatabases } from "./databases.ts";
import { directory } from "./directory.ts";
import {
  checkNotifiedWebhooks,
  executionPolicies,
  notificationPolicies,
  resultPolicies,
} from "./policies.ts";
import { resultStorage } from "./result-storage.ts";
import { audit, logging, mcp, preflight, resultChannel, retention, slack } from "./sections.ts";
import { checkReviewScopes, sqlReview } from "./sql-review.ts";
import { checkWebhooks, webhooks } from "./webhooks.ts";
import { checkWorkflowScopes, workflows } from "./workflows.ts";

/** server.toml. */
export const server = table(
  {
    state_dir: required(directory),
    result_storage: resultStorage,
    result_channel: resultChannel,
    databases,
    workflows,
    webhooks,
    execution_policies: executionPolicies,
    result_policies: resultPolicies,
    notification_policies: notificationPolicies,
    retention,
    auth,
    audit,
    logging,
    trusted_proxies: list(
      text.where({
        rule: "trusted-proxies",
        expected: 'an address or a network, such as "10.0.0.0/8"',
        accepts: isNetwork,
      }),
    ),
    allow_private_networks: boolean,
    sql_review: sqlReview,
    auto_approve: list(anything),
    slack,
    mcp,
    preflight,
  },
  {
    rules: [
      refuseRemoved,
      limitDatabases,
      checkWorkflowScopes,
      checkWebhooks,
      checkNotifiedWebhooks,
      checkReviewScopes,
    ],
  },
);

function refuseRemoved(config: TableNode, root: Path, report: Report): void {
  const users = config.entries.get("users");
  if (users) {
    report.add(
      users.key,
      child(root, users.key),
      "removed-key",
      'users was removed from dbward. Add users with "dbward user add".',
    );
  }
  const autoApprove = config.entries.get("auto_approve");
  if (autoApprove && config.items("auto_approve").length > 0) {
    report.add(
      autoApprove.key,
      child(root, autoApprove.key),
      "removed-key",
      "auto_approve was removed from the top level. Move it to [workflows.auto_approve].",
    );
  }
}
