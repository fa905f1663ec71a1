import type { StageSettings } from "../stage-settings.ts";

/** The number of rules that a security group of the stage gets in one direction. */
export interface GroupRules {
  /** The resource that has the group, such as `the server`. */
  readonly group: string;
  readonly direction: "inbound" | "outbound";
  readonly rules: number;
  /** The settings that determine the number. */
  readonly settings: string;
}

/**
 * The rules of the security groups whose number grows with the settings.
 *
 * @param blocks IPv4 CIDR blocks of the VPC, the default of several settings
 */
export function securityGroupRules(settings: StageSettings, blocks: readonly string[]): GroupRules[] {
  const { server, agents, capture } = settings;
  const { loadBalancer, listener } = server;
  const forAgents: GroupRules[] = agents.map(({ name, databases }, index) => ({
    group: `agent ${name}`,
    direction: "outbound",
    // The server, HTTPS, and DNS by TCP and UDP.
    rules: databases.reduce(
      (sum, { securityGroupId, cidrs }) => sum + (securityGroupId ? 1 : (cidrs ?? blocks).length),
      4,
    ),
    settings: `the databases of agents.${index}`,
  }));
  const others = [(loadBalancer ?? listener) !== undefined, capture.method === "task", /* the poller */ true];
  return [
    {
      group: "the server",
      direction: "inbound",
      rules: server.allowedCidrs.length + agents.length + others.filter(Boolean).length,
      settings: "server.allowedCidrs and agents",
    },
    ...(loadBalancer
      ? [
          {
            group: "the load balancer",
            direction: "inbound" as const,
            rules: (loadBalancer.allowedCidrs ?? blocks).length * (loadBalancer.certificateArn ? 2 : 1),
            settings: "server.loadBalancer.allowedCidrs, with a certificate two rules for each",
          },
        ]
      : []),
    ...forAgents,
  ];
}
