import { agentSubject, stageNames } from "@dbward-aws/contract";
import * as ssm from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";
import { DbwardAgent } from "../agent/dbward-agent.ts";
import { DbwardStack, type DbwardStackProps } from "./dbward-stack.ts";
import type { ServerStack } from "./server-stack.ts";
import type { StateStack } from "./state-stack.ts";

export interface AgentsStackProps extends DbwardStackProps {
  readonly state: StateStack;
  readonly server: ServerStack;
}

/** The agents. They start after the capture, with tokens that work. */
export class AgentsStack extends DbwardStack {
  readonly agents: readonly DbwardAgent[];

  constructor(scope: Construct, props: AgentsStackProps) {
    super(scope, "Agents", props, "agents");
    const { settings, state, server } = props;
    const names = stageNames(settings.stage);
    this.agents = settings.agents.map(
      (agent, index) =>
        new DbwardAgent(this, `Agent-${agent.name}`, {
          stage: settings,
          settings: agent,
          network: state.network,
          server: server.server,
          subject: agentSubject(agent.name, index === 0),
          tokenSecret: state.secrets.agentTokenFor(this, agent.name),
          tokenVersion: ssm.StringParameter.valueForStringParameter(
            this,
            names.agentTokenVersionParameter(agent.name),
          ),
        }),
    );
    // The parameters with the tokens' versions are no reference that CloudFormation knows.
    this.addDependency(server);
  }
}
