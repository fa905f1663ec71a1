import * as iam from "aws-cdk-lib/aws-iam";

/** A statement that allows `actions` on `resources`. */
export function allow(
  sid: string,
  actions: string[],
  resources: string[],
  conditions: Record<string, Record<string, string>> = {},
): iam.PolicyStatement {
  return new iam.PolicyStatement({ sid, actions, resources, conditions });
}
