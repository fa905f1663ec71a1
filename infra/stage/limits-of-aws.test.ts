import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { agentSettings, stageSettings } from "../test-support/settings.ts";
import { REGION } from "../test-support/synth.ts";
import { variantStatements, variantTemplates } from "../test-support/variant-templates.ts";
import { DbwardStage } from "./dbward-stage.ts";

interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}

const resources = (template: object) =>
  Object.values((template as { Resources?: Record<string, Resource> }).Resources ?? {});

/** Characters that stand for a reference, such as an ARN that is put in when a stack is made. */
const ARN = "x".repeat(120);

/** Characters of each role's inline policies together, as IAM counts them: without white space, references filled in. */
function policyCharacters(template: object): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { Type, Properties } of resources(template)) {
    if (Type !== "AWS::IAM::Policy") continue;
    const size = JSON.stringify(Properties.PolicyDocument, (_, value: unknown) => {
      const isReference =
        typeof value === "object" && value !== null && /^(Ref|Fn::.*)$/.test(Object.keys(value)[0] ?? "");
      return isReference ? ARN : value;
    }).length;
    for (const role of Properties.Roles as unknown[]) {
      const name = JSON.stringify(role);
      sizes.set(name, (sizes.get(name) ?? 0) + size);
    }
  }
  return sizes;
}

describe("the templates", () => {
  it("create no service-linked role: a template with one fails where the account has it", () => {
    const types = variantTemplates().flatMap((template) => resources(template).map(({ Type }) => Type));
    expect(types).not.toContain("AWS::IAM::ServiceLinkedRole");
  });

  it("keep what holds data from its first creation on, and leave nothing of a creation that failed", () => {
    const policies = variantTemplates()
      .flatMap((template) =>
        Object.values(
          (template as { Resources?: Record<string, { DeletionPolicy?: string }> }).Resources ?? {},
        ),
      )
      .map(({ DeletionPolicy }) => DeletionPolicy);
    expect(policies).toContain("RetainExceptOnCreate");
    expect(policies).not.toContain("Retain");
  });

  it("keep a role's inline policies within 10,240 characters, with many agents too", () => {
    const agents = Array.from({ length: 20 }, (_, n) => agentSettings({ name: `agent-${n}` }));
    const { stacks } = new DbwardStage(new App(), {
      settings: stageSettings({ agents }),
      region: REGION,
    });
    const large = stacks.map((stack) => Template.fromStack(stack).toJSON());
    for (const template of [...variantTemplates(), ...large])
      for (const [role, characters] of policyCharacters(template))
        expect(characters, role).toBeLessThanOrEqual(10_240);
  });
});

describe("condition keys", () => {
  /** Keys of a service that AWS's service authorization reference lists for an action. Those of `aws:` are global, those of `kms:` are the
   * service's for every action, and `lambda:SourceFunctionArn` is in every call with a function's role. */
  const KEYS: Readonly<Record<string, readonly string[]>> = {
    "ecs:ExecuteCommand": ["ecs:cluster", "ecs:container-name", "ecs:task"],
    "ecs:ListTasks": ["ecs:cluster", "ecs:container-instances"],
    "ecs:DescribeTasks": ["ecs:cluster"],
    "ecs:DescribeServices": ["ecs:cluster"],
    "ecs:RunTask": [
      "ecs:cluster",
      "ecs:enable-execute-command",
      "ecs:enable-ecs-managed-tags",
      "ecs:capacity-provider",
    ],
    "ecs:StopTask": ["ecs:cluster"],
    "ecs:UpdateService": ["ecs:capacity-provider", "ecs:cluster", "ecs:enable-execute-command"],
    "cloudwatch:PutMetricData": ["cloudwatch:namespace"],
    "elasticfilesystem:ClientMount": [
      "elasticfilesystem:AccessPointArn",
      "elasticfilesystem:AccessedViaMountTarget",
    ],
    "elasticfilesystem:ClientWrite": [
      "elasticfilesystem:AccessPointArn",
      "elasticfilesystem:AccessedViaMountTarget",
    ],
    "s3:ListBucket": ["s3:prefix", "s3:delimiter", "s3:max-keys"],
    "iam:PassRole": ["iam:PassedToService", "iam:AssociatedResourceArn"],
  };

  it("of a service are ones that AWS evaluates for the action: others never match", () => {
    const used = variantStatements().flatMap(({ actions, conditions }) =>
      conditions
        .map((condition) => condition.split(" ")[0]!)
        .filter((key) => !/^(aws|kms):|^lambda:SourceFunctionArn$/.test(key))
        .flatMap((key) => actions.map((action) => ({ action, key }))),
    );
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter(({ action, key }) => !KEYS[action]?.includes(key))).toEqual([]);
  });
});
