import { APP_NAME } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { Annotations, Tags } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { AgentsStack } from "./agents-stack.ts";
import { MonitoringStack } from "./monitoring-stack.ts";
import { ServerStack } from "./server-stack.ts";
import { stageStackProps } from "./stage-stack-props.ts";
import { StateStack } from "./state-stack.ts";

/** The stacks of a stage, in the order of their life. */
export interface DbwardStacks {
  readonly state: StateStack;
  readonly server: ServerStack;
  readonly agents: AgentsStack;
  readonly monitoring: MonitoringStack;
}

/** Where a stage is deployed. */
export interface DbwardEnvironment {
  /** AWS region, such as `eu-central-1`. */
  readonly region: string;
}

/** Adds the stacks of a stage to an application, CDK's or SST's, and the settings' warnings with them. */
export function addDbwardStacks(
  app: Construct,
  settings: StageSettings,
  environment: DbwardEnvironment,
): DbwardStacks {
  const common = { settings, region: environment.region };
  const state = new StateStack(app, common);
  const server = new ServerStack(app, { ...common, state });
  const agents = new AgentsStack(app, { ...common, state, server });
  const monitoringProps = stageStackProps(
    "Monitoring",
    settings.stage,
    environment.region,
    "poller, alarms, dashboard",
  );
  const monitoring = new MonitoringStack(app, monitoringProps.stackName, {
    ...monitoringProps,
    settings,
    network: state.network,
    server: server.server,
    agents: agents.agents,
    fileSystem: state.fileSystem,
    secrets: state.secrets,
    capture: server.capture,
  });
  // It knows the agents by name alone.
  monitoring.addDependency(agents);
  for (const stack of [state, server, agents, monitoring]) {
    // SST adds these two itself; here they make every way of deploying give the same templates.
    Tags.of(stack).add("sst:app", APP_NAME);
    Tags.of(stack).add("sst:stage", settings.stage);
  }
  for (const [at, warning] of settings.warnings.entries())
    Annotations.of(state).addWarningV2(`@dbward-aws/settings:${at}`, warning);
  return { state, server, agents, monitoring };
}
