import { isNetwork } from "../net/addresses.ts";
import type { Path } from "../schema/path.ts";
import { removed } from "../schema/removed.ts";
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
      removed("users", 'Add users with "dbward user add".'),
      refuseAutoApprove,
      limitDatabases,
      checkWorkflowScopes,
      checkWebhooks,
      checkNotifiedWebhooks,
      checkReviewScopes,
    ],
  },
);

/** dbward still accepts the key with an empty array. */
function refuseAutoApprove(config: TableNode, root: Path, report: Report): void {
  if (config.items("auto_approve").length > 0) removedAutoApprove(config, root, report);
}

const removedAutoApprove = removed("auto_approve", "Move it to [workflows.auto_approve].");
