import {
  type AgentIdentity,
  agentSubject,
  BOOTSTRAP_AGENT_SUBJECT,
  METRICS_USER,
  type StageNames,
} from "@dbward-aws/contract";

/** The user that dbward's bootstrap makes, whose token is in the administrator's secret. */
const ADMIN_SUBJECT = "admin";

/** A token of the stage: whose it is, and in which secret. */
export interface TokenSecret {
  /** `admin`, `metrics`, or the agent's name. */
  readonly owner: string;
  readonly kind: "admin" | "metrics" | "agent";
  /** Name of its secret. */
  readonly secret: string;
  /** Whom the token identifies on the server. */
  readonly subject: string;
  /** The server writes the first one at its bootstrap, and every one when the bootstrap is forced. */
  readonly isBootstrap: boolean;
}

/** The secrets that the capture fills. @param settings without them, those that every stage has */
export function tokenSecrets(
  settings: { readonly agents: readonly AgentIdentity[] } | undefined,
  names: StageNames,
): TokenSecret[] {
  return [
    {
      owner: "admin",
      kind: "admin",
      secret: names.adminTokenSecret,
      subject: ADMIN_SUBJECT,
      isBootstrap: true,
    },
    {
      owner: "metrics",
      kind: "metrics",
      secret: names.metricsTokenSecret,
      subject: METRICS_USER,
      isBootstrap: false,
    },
    ...(settings?.agents ?? []).map(
      (agent): TokenSecret => ({
        owner: agent.name,
        kind: "agent",
        secret: names.agentTokenSecret(agent),
        subject: agentSubject(agent),
        isBootstrap: agent.token === "bootstrap",
      }),
    ),
  ];
}

/**
 * The token of an agent that a secret of the stage's own is for; `undefined` for a secret of another purpose.
 */
export function agentTokenOf(names: StageNames, secret: string): TokenSecret | undefined {
  const bootstrap = names.agentTokenSecret({ name: "", token: "bootstrap" });
  const isBootstrap = secret === bootstrap;
  if (!isBootstrap && !secret.startsWith(`${bootstrap}/`)) return undefined;
  const owner = isBootstrap ? BOOTSTRAP_AGENT_SUBJECT : secret.slice(bootstrap.length + 1);
  return { owner, kind: "agent", secret, subject: owner, isBootstrap };
}
