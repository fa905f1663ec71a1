import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { type RoleStatement, roleStatements } from "../security/role-statements.ts";
import { addDbwardStacks } from "../stacks/index.ts";
import { stageSettings } from "./settings.ts";
import { REGION } from "./synth.ts";
import { VARIANTS } from "./variants.ts";

/** The templates of every variant's stacks. */
export function variantTemplates(): object[] {
  return Object.values(VARIANTS).flatMap((settings) => {
    const stacks = addDbwardStacks(new App(), stageSettings(settings), { region: REGION });
    return Object.values(stacks).map((stack) => Template.fromStack(stack).toJSON());
  });
}

/** The statements of all roles in {@link variantTemplates}. */
export function variantStatements(): RoleStatement[] {
  return variantTemplates().flatMap(roleStatements);
}
