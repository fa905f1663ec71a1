import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { type RoleStatement, roleStatements } from "../security/role-statements.ts";
import { DbwardStage } from "../stage/dbward-stage.ts";
import { stageSettings } from "./settings.ts";
import { REGION } from "./synth.ts";
import { VARIANTS } from "./variants.ts";

let templates: readonly object[] | undefined;

/** The templates of every variant's stacks, synthesized once. */
export function variantTemplates(): readonly object[] {
  templates ??= synthesize();
  return templates;
}

function synthesize(): object[] {
  return Object.values(VARIANTS).flatMap((settings) => {
    const { stacks } = new DbwardStage(new App(), { settings: stageSettings(settings), region: REGION });
    return stacks.map((stack) => Template.fromStack(stack).toJSON());
  });
}

/** The statements of all roles in {@link variantTemplates}. */
export function variantStatements(): RoleStatement[] {
  return variantTemplates().flatMap(roleStatements);
}
