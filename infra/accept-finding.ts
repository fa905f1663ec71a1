import { CfnResource } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/** A finding of cdk-nag that is accepted, and why. */
export interface AcceptedFinding {
  /** Rule, such as `AwsSolutions-SMG4`. */
  readonly id: string;
  /** Why it doesn't apply here: a whole sentence, for the reader of the template. */
  readonly reason: string;
  /** The finding, for rules that report several: `Resource::*`. @default - every finding of the rule */
  readonly appliesTo?: readonly string[];
}

/**
 * Writes accepted findings into the metadata of `construct` and everything below it, in the form that cdk-nag
 * reads, so that cdk-nag itself is needed by the tests alone.
 */
export function acceptFindings(construct: IConstruct, findings: readonly AcceptedFinding[]): void {
  for (const node of construct.node.findAll()) {
    if (!CfnResource.isCfnResource(node)) continue;
    const before = (node.getMetadata("cdk_nag") as { rules_to_suppress: unknown[] } | undefined)
      ?.rules_to_suppress;
    const rules = findings.map(({ id, reason, appliesTo }) => ({
      id,
      reason,
      ...(appliesTo ? { applies_to: appliesTo } : {}),
    }));
    node.addMetadata("cdk_nag", { rules_to_suppress: [...(before ?? []), ...rules] });
  }
}
