import { stageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import * as ssm from "aws-cdk-lib/aws-ssm";
import { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";

export interface TokenSecretsProps {
  /** The stage: its name is part of the secrets' names, its agents get one secret each. */
  readonly settings: Pick<StageSettings, "stage" | "agents">;
}

/**
 * The secrets of a stage, made empty: no value ever passes through a template. `TokenCapture` fills them.
 *
 * They go when their stack goes, so that the same stage can be deployed again under the same names; nothing is
 * lost by that, because the token files stay on the retained file system.
 */
export class TokenSecrets extends Construct {
  /** Token of the administrator, `dbward/<stage>/admin-token`. */
  readonly adminToken: secretsmanager.ISecret;
  /** Token of the poller, which may read metrics and nothing else, `dbward/<stage>/metrics-token`. */
  readonly metricsToken: secretsmanager.ISecret;
  readonly #stage: string;
  readonly #agentTokens = new Map<string, secretsmanager.ISecret>();

  constructor(scope: Construct, id: string, props: TokenSecretsProps) {
    super(scope, id);
    const { stage, agents } = props.settings;
    const names = stageNames(stage);
    this.#stage = stage;
    this.adminToken = this.#emptySecret("Admin", names.adminTokenSecret, `dbward ${stage}: administrator`);
    this.metricsToken = this.#emptySecret("Metrics", names.metricsTokenSecret, `dbward ${stage}: poller`);
    for (const [index, { name }] of agents.entries()) {
      const secretName = names.agentTokenSecret(name, index === 0);
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
   * @param name an agent of the stage's settings
   * @throws Error when the stage has no such agent
   */
  agentToken(name: string): secretsmanager.ISecret {
    const secret = this.#agentTokens.get(name);
    if (!secret) {
      throw new Error(
        `No agent "${name}" in this stage: it has ${[...this.#agentTokens.keys()].join(", ")}.`,
      );
    }
    return secret;
  }

  /**
   * An agent's secret, for the use of another stack. Its ARN goes there by a parameter: what is imported from a stack
   * can't be deleted there, and no agent could ever be removed.
   *
   * @param scope a construct of the other stack
   * @throws Error as {@link agentToken}
   */
  agentTokenFor(scope: Construct, name: string): secretsmanager.ISecret {
    this.agentToken(name);
    const parameter = stageNames(this.#stage).agentTokenSecretParameter(name);
    const arn = ssm.StringParameter.valueForStringParameter(scope, parameter);
    return secretsmanager.Secret.fromSecretCompleteArn(scope, `AgentToken-${name}`, arn);
  }

  /** The L2 construct would generate a password: an agent would start with it, and the server would refuse it. */
  #emptySecret(id: string, name: string, description: string): secretsmanager.ISecret {
    const resource = new secretsmanager.CfnSecret(this, id, { name, description });
    acceptFindings(resource, [
      {
        id: "AwsSolutions-SMG4",
        reason: "Only the server can make a token. A rotation unasked would cut off its holder.",
      },
    ]);
    return secretsmanager.Secret.fromSecretCompleteArn(this, `${id}Secret`, resource.attrId);
  }
}
