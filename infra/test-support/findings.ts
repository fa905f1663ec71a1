import { Aspects, type Stack } from "aws-cdk-lib";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks } from "cdk-nag";

/** What cdk-nag's AWS Solutions rules have against a stack: errors and warnings, one line each. */
export function nagFindings(stack: Stack): string[] {
  Aspects.of(stack).add(new AwsSolutionsChecks());
  const annotations = Annotations.fromStack(stack);
  const rule = Match.stringLikeRegexp("AwsSolutions-");
  return [...annotations.findError("*", rule), ...annotations.findWarning("*", rule)].map(
    ({ id, entry }) => `${id}: ${String(entry.data).split("\n")[0]}`,
  );
}
