import { type AgentIdentity, stageNames } from "@dbward-aws/contract";
import { Stack } from "aws-cdk-lib";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import * as ssm from "aws-cdk-lib/aws-ssm";
import { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";

export interface TokenSecretsProps {
  /** Name of the stage, which is part of the secrets' names. */
  readonly stage: string;
  /** The agents; each gets a secret. */
  readonly agents: readonly AgentIdentity[];
  /** Customer managed key. @default - the key of AWS for Secrets Manager */
  readonly encryptionKey?: kms.IKey;
}

/**
 * The secrets of a stage, created empty: no value ever passes through a template. `TokenCapture` fills them.
 *
 * They are deleted with their stack, so that the same stage can be deployed again under the same names.
 * Nothing is lost by that, because the token files stay on the retained file system.
 */
export class TokenSecrets extends Construct {
  /** The agents that have a secret. */
  readonly agents: readonly AgentIdentity[];
  /** Token of the administrator, `dbward/<stage>/admin-token`. */
  readonly adminToken: secretsmanager.ISecret;
  /** Token of the poller, which may only read metrics, `dbward/<stage>/metrics-token`. */
  readonly metricsToken: secretsmanager.ISecret;
  readonly #stage: string;
  readonly #encryptionKey: kms.IKey | undefined;
  readonly #agentTokens = new Map<string, secretsmanager.ISecret>();

  constructor(scope: Construct, id: string, props: TokenSecretsProps) {
    super(scope, id);
    const { stage, agents } = props;
    const names = stageNames(stage);
    this.agents = agents;
    this.#stage = stage;
    this.#encryptionKey = props.encryptionKey;
    this.adminToken = this.#emptySecret("Admin", names.adminTokenSecret, `dbward ${stage}: administrator`);
    this.metricsToken = this.#emptySecret("Metrics", names.metricsTokenSecret, `dbward ${stage}: poller`);
    for (const agent of agents) {
      const { name } = agent;
      const secretName = names.agentTokenSecret(agent);
      const secret = this.#emptySecret(`Agent-${name}`, secretName, `dbward ${stage}: agent ${name}`);
      this.#agentTokens.set(name, secret);
      new ssm.StringParameter(this, `AgentArn-${name}`, {
        parameterName: names.agentTokenSecretParameter(name),
        description: `Where the token of agent ${name} is`,
        stringValue: secret.secretArn,
      });
    }
  }

  /**
   * The secret of an agent, by reference.
   *
   * @throws Error when the stage has no such agent
   */
  agentToken(name: string): secretsmanager.ISecret {
    const secret = this.#agentTokens.get(name);
    if (!secret)
      throw new Error(
        `No agent "${name}" in this stage: it has ${[...this.#agentTokens.keys()].join(", ")}.`,
      );
    return secret;
  }

  /**
   * The secret of an agent, for constructs below `scope`. Another stack gets its ARN by a parameter: what is
   * imported from a stack can't be deleted there, and no agent could ever be removed.
   *
   * @throws Error as {@link agentToken}
   */
  agentTokenFor(scope: Construct, name: string): secretsmanager.ISecret {
    const secret = this.agentToken(name);
    if (Stack.of(scope) === Stack.of(this)) return secret;
    const parameter = stageNames(this.#stage).agentTokenSecretParameter(name);
    return this.#import(
      scope,
      `AgentToken-${name}`,
      ssm.StringParameter.valueForStringParameter(scope, parameter),
    );
  }

  /**
   * The L2 construct would generate a password: an agent would start with it, and the server would refuse it.
   */
  #emptySecret(id: string, name: string, description: string): secretsmanager.ISecret {
    const resource = new secretsmanager.CfnSecret(this, id, {
      name,
      description,
      ...(this.#encryptionKey && { kmsKeyId: this.#encryptionKey.keyArn }),
    });
    acceptFindings(resource, [
      {
        id: "AwsSolutions-SMG4",
        reason: "Only the server can make a token. A rotation unasked would cut off its holder.",
      },
    ]);
    return this.#import(this, `${id}Secret`, resource.attrId);
  }

  #import(scope: Construct, id: string, secretCompleteArn: string): secretsmanager.ISecret {
    return secretsmanager.Secret.fromSecretAttributes(scope, id, {
      secretCompleteArn,
      ...(this.#encryptionKey && { encryptionKey: this.#encryptionKey }),
    });
  }
}
