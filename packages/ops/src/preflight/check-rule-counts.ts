import { type StageSettings, securityGroupRules } from "@dbward-aws/settings";
import type { CheckedNetwork } from "./check-network.ts";
import type { PreflightFindings } from "./findings.ts";

/** Default quota of rules of a security group in one direction. */
export const DEFAULT_RULES = 60;
/** The quota, as Service Quotas names it. */
export const RULES_QUOTA = 'quota "Inbound or outbound rules per security group" (vpc, L-0EA8095F)';

/** The security groups that the deployment makes have room for their rules. */
export function checkRuleCounts(
  settings: StageSettings,
  { existing }: CheckedNetwork,
  findings: PreflightFindings,
): void {
  const blocks = existing?.cidrs ?? (settings.network.kind === "new" ? [settings.network.cidr] : []);
  for (const { group, direction, rules, settings: from } of securityGroupRules(settings, blocks))
    if (rules > DEFAULT_RULES)
      findings.warn(
        `The security group of ${group} would have ${rules} ${direction} rules, from ${from}, and the default limit is ${DEFAULT_RULES}: unless the ` +
          `account has a larger ${RULES_QUOTA}, the deployment fails. Merge CIDR blocks, or request a higher quota`,
      );
}
