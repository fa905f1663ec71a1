import { agentSubject, stageNames } from "@dbward-aws/contract";
import type { AgentSettings, DatabaseSettings } from "@dbward-aws/settings";
import { Duration } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ssm from "aws-cdk-lib/aws-ssm";
import { Construct } from "constructs";
import { AgentConfig } from "../agent/agent-config.ts";
import { type AgentDatabase, DbwardAgent } from "../agent/dbward-agent.ts";
import type { AgentToken } from "../capture/agent-token.ts";
import { containerImage } from "./container-image.ts";
import { DbwardStack, type DbwardStackProps } from "./dbward-stack.ts";
import { type KeyOf, keysOf } from "./key-of.ts";
import { importKey, namedSecret, namedSecrets } from "./named-secret.ts";
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
    this.agents = props.settings.agents.map((agent) => this.#createAgent(agent, props));
    // The parameters with the tokens' versions are no reference that CloudFormation knows.
    this.addDependency(props.server);
  }

  #createAgent(agent: AgentSettings, { settings, facts, state, server }: AgentsStackProps): DbwardAgent {
    const keyOf = keysOf(settings, facts);
    // Imported resources and the constructs of their keys; the agent itself keeps the place that it has in
    // the stack.
    const imports = new Construct(this, `Imports-${agent.name}`);
    const key = agent.config.source === "ssm" ? keyOf(agent.config.parameter) : undefined;
    return new DbwardAgent(this, `Agent-${agent.name}`, {
      server: server.server,
      token: this.#token(agent, state),
      image: containerImage(imports, agent.image),
      config: AgentConfig.ofStage(agent.config, importKey(imports, key)),
      databases: agent.databases.map((database) => this.#database(agent, database, state, keyOf)),
      secrets: namedSecrets(imports, "Secret", agent.secrets, keyOf),
      cpu: agent.cpu,
      memoryLimitMiB: agent.memoryMiB,
      capacityProviderStrategies: [{ capacityProvider: agent.capacityProvider, weight: 1 }],
      ...(agent.scaling ? { scaling: agent.scaling } : { desiredCount: agent.desiredCount }),
      logFilter: agent.rustLog,
      logRetention: agent.logRetentionDays,
      stopTimeout: Duration.seconds(agent.stopTimeoutSeconds),
      enableExecuteCommand: agent.ecsExec,
      ...(state.encryptionKey && { encryptionKey: state.encryptionKey }),
    });
  }

  /**
   * By parameters: an exported value can't change while this stack imports it, and no agent could be removed.
   */
  #token(agent: AgentSettings, { secrets }: StateStack): AgentToken {
    const version = stageNames(this.settings.stage).agentTokenVersionParameter(agent.name);
    return {
      agent: agent.name,
      subject: agentSubject(agent),
      secret: secrets.agentTokenFor(this, agent.name),
      version: ssm.StringParameter.valueForStringParameter(this, version),
    };
  }

  #database(
    agent: AgentSettings,
    database: DatabaseSettings,
    { network }: StateStack,
    keyOf: KeyOf,
  ): AgentDatabase {
    const { variable, urlSecret, port, securityGroupId, cidrs = network.cidrs } = database;
    const id = `Database-${agent.name}-${variable}`;
    return {
      variable,
      secret: namedSecret(this, `${id}-Url`, urlSecret, keyOf),
      port,
      ...(securityGroupId === undefined
        ? { cidrs }
        : { connectable: ec2.SecurityGroup.fromSecurityGroupId(this, id, securityGroupId) }),
    };
  }
}
