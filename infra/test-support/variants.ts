import type { StageSettings } from "@dbward-aws/settings";
import { agentSettings, serverSettings } from "./settings.ts";

/** Stages that differ in what is made of them, by what they are there for. */
export const VARIANTS = {
  "the defaults": {},
  "a public load balancer": {
    server: serverSettings({
      loadBalancer: {
        scheme: "internet-facing",
        certificateArn:
          "arn:aws:acm:eu-central-1:111111111111:certificate/11111111-2222-3333-4444-555555555555",
        allowedCidrs: ["0.0.0.0/0"],
      },
    }),
  },
  "no ECS Exec": { capture: { method: "task", allowSessionLogging: false } },
  "several agents": { agents: [agentSettings({ ecsExec: true }), agentSettings({ name: "payments" })] },
  "a configuration in SSM that reads a secret": {
    server: serverSettings({
      config: { source: "ssm", parameter: "/dbward/server-config" },
      secrets: { SLACK_BOT_TOKEN: "dbward/slack" },
    }),
  },
  "no internet": {
    network: { kind: "new", cidr: "10.60.0.0/16", availabilityZones: 2, egress: "endpoints" },
    server: serverSettings({ image: { repository: "x", tag: "1", ecrRepositoryName: "server" } }),
    agents: [agentSettings({ image: { repository: "x", tag: "1", ecrRepositoryName: "agent" } })],
  },
  "an existing VPC": {
    network: {
      kind: "existing",
      vpcId: "vpc-0123456789abcdef0",
      cidr: "10.0.0.0/16",
      subnets: [
        { id: "subnet-0123456789abcdef0", availabilityZone: "eu-central-1a" },
        { id: "subnet-0123456789abcdef1", availabilityZone: "eu-central-1b" },
      ],
      publicSubnets: [],
      egress: "nat",
    },
  },
  "public subnets": {
    network: { kind: "new", cidr: "10.60.0.0/16", availabilityZones: 2, egress: "public" },
    storage: { backend: "local", retentionDays: 30 },
  },
} as const satisfies Record<string, Partial<StageSettings>>;
