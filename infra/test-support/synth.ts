import type { StageSettings } from "@dbward-aws/settings";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { DbwardStage } from "../stage/dbward-stage.ts";
import { stageSettings } from "./settings.ts";

/** Region of every stage in the tests. */
export const REGION = "eu-central-1";

/** A stage in an app of its own. */
export function stage(overrides: Partial<StageSettings> = {}): DbwardStage {
  return new DbwardStage(new App(), { settings: stageSettings(overrides), region: REGION });
}

/** The templates of a stage's stacks. */
export function templates(
  overrides: Partial<StageSettings> = {},
): Record<"state" | "server" | "agents" | "monitoring", Template> {
  const { state, server, agents, monitoring } = stage(overrides);
  return {
    state: Template.fromStack(state),
    server: Template.fromStack(server),
    agents: Template.fromStack(agents),
    monitoring: Template.fromStack(monitoring),
  };
}

/**
 * The properties of the only resource of a type.
 *
 * @param logicalId when there are several: how its logical id begins or what is in it
 */
// biome-ignore lint/suspicious/noExplicitAny: a template is untyped JSON
export function only(template: Template, type: string, logicalId = /./): any {
  const found = Object.entries(template.findResources(type)).filter(([id]) => logicalId.test(id));
  if (found.length !== 1) throw new Error(`${found.length} resources of type ${type}, not one`);
  return found[0]![1].Properties;
}

/** The statements of the policies attached to roles whose logical id matches. */
// biome-ignore lint/suspicious/noExplicitAny: a template is untyped JSON
export function statements(template: Template, logicalId: RegExp): any[] {
  return Object.entries(template.findResources("AWS::IAM::Policy"))
    .filter(([id]) => logicalId.test(id))
    .flatMap(([, policy]) => policy.Properties.PolicyDocument.Statement);
}

/** The environment of a container definition, as a map. */
export function variables(container: {
  readonly Environment: readonly { readonly Name: string; readonly Value: unknown }[];
}): Record<string, unknown> {
  return Object.fromEntries(container.Environment.map(({ Name, Value }) => [Name, Value]));
}
