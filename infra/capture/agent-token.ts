import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";

/** The token of an agent, as `TokenCapture.agentToken` returns it. */
export interface AgentToken {
  /** Name of the agent. */
  readonly agent: string;
  /** Subject of the token: the id of the agent's row in `GET /api/agents`. */
  readonly subject: string;
  /** Secret with the token. */
  readonly secret: secretsmanager.ISecret;
  /** Version id of the secret's value, which is another one after each rotation. */
  readonly version: string;
}
