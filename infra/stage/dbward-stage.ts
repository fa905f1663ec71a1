import { type ExportInUse, stageTags } from "@dbward-aws/contract";
import { type AccountFacts, checkRegion, type StageSettings } from "@dbward-aws/settings";
import { Annotations, Aspects, Tags } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import { AgentsStack } from "./agents-stack.ts";
import { MonitoringStack } from "./monitoring-stack.ts";
import { RolePath } from "./role-path.ts";
import { ServerStack } from "./server-stack.ts";
import { StateStack } from "./state-stack.ts";

export interface DbwardStageProps {
  /** What `loadStage` of `@dbward-aws/settings` made of `dbward.config.ts`. */
  readonly settings: StageSettings;
  /** AWS region, such as `eu-central-1`. */
  readonly region: string;
  /**
   * What is known of the account, from a lookup or from dbward.lookup.json.
   * @default - only what the settings say
   */
  readonly facts?: AccountFacts;
  /**
   * Deployed exports of this stage that other stacks import: they stay exported until nothing imports them.
   * @default - none
   */
  readonly exportsInUse?: readonly ExportInUse[];
}

/**
 * The four stacks of a stage, with the warnings of its settings. The stacks are children of `scope` itself,
 * so that the id of each is its name: `cdk deploy` and SST address stacks by their path.
 */
export class DbwardStage {
  /** Network, file system, results, secrets. */
  readonly state: StateStack;
  /** Server and token capture. */
  readonly server: ServerStack;
  /** One service for each agent. */
  readonly agents: AgentsStack;
  /** Poller, alarms, dashboard. */
  readonly monitoring: MonitoringStack;

  /**
   * @param scope an app, of the CDK or of SST
   * @throws SettingsError when the settings name an existing network of which neither they nor the facts say
   * enough
   * @throws SettingsError when the settings name something in another region that has to be in this one
   */
  constructor(scope: Construct, props: DbwardStageProps) {
    // An agent's place in the list has no meaning: the same agents in another order make the same templates.
    const agents = props.settings.agents.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const settings = { ...props.settings, agents };
    checkRegion(props.settings, props.region);
    const common = { ...props, settings };
    this.state = new StateStack(scope, common);
    this.server = new ServerStack(scope, { ...common, state: this.state });
    this.agents = new AgentsStack(scope, { ...common, state: this.state, server: this.server });
    // It knows the agents by name alone, so it is created beside them, and is there when they fail.
    this.monitoring = new MonitoringStack(scope, {
      ...common,
      state: this.state,
      server: this.server,
      agents: this.agents,
    });
    for (const stack of this.stacks) {
      for (const [key, value] of Object.entries({ ...settings.tags, ...stageTags(settings.stage) }))
        Tags.of(stack).add(key, value);
      const { permissionsBoundary, rolePath } = settings.iam;
      if (permissionsBoundary !== undefined)
        iam.PermissionsBoundary.of(stack).apply(
          iam.ManagedPolicy.fromManagedPolicyArn(stack, "PermissionsBoundary", permissionsBoundary),
        );
      if (rolePath !== "/") Aspects.of(stack).add(new RolePath(rolePath));
    }
    for (const [at, warning] of settings.warnings.entries())
      Annotations.of(this.state).addWarningV2(`@dbward-aws/settings:${at}`, warning);
  }

  /** All four, in the order in which they depend on each other. */
  get stacks(): readonly [StateStack, ServerStack, AgentsStack, MonitoringStack] {
    return [this.state, this.server, this.agents, this.monitoring];
  }
}
