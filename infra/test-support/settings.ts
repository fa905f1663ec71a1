import type { AgentSettings, StageSettings } from "@dbward-aws/settings";

/** An agent as the settings package would fill it in. */
export function agentSettings(overrides: Partial<AgentSettings> = {}): AgentSettings {
  return {
    name: "app",
    image: { repository: "ghcr.io/dbward-dev/dbward-agent", tag: "0.2.0", pullThroughCache: false },
    cpu: 256,
    memoryMiB: 512,
    capacityProvider: "FARGATE",
    desiredCount: 1,
    config: { source: "rendered", toml: 'agent_id = "app"\n' },
    databases: [
      { variable: "DATABASE_URL", urlSecret: "dbward/database-url", port: 5432, cidrs: ["10.9.0.0/16"] },
    ],
    ecsExec: false,
    secrets: {},
    rustLog: "info",
    stopTimeoutSeconds: 90,
    logRetentionDays: 14,
    ...overrides,
  };
}

/** A stage as the settings package would fill it in: a new network with NAT, S3, one agent. */
export function stageSettings(overrides: Partial<StageSettings> = {}): StageSettings {
  return {
    stage: "test",
    terminationProtection: true,
    architecture: "arm64",
    network: { kind: "new", cidr: "10.60.0.0/16", availabilityZones: 2, egress: "nat" },
    encryption: { keys: {} },
    storage: { backend: "s3", retentionDays: 30, versioning: false },
    backup: { daily: true, startHour: 3, keepDays: 35 },
    server: serverSettings(),
    agents: [agentSettings()],
    capture: { method: "exec", allowSessionLogging: false },
    apply: { configuration: true, secrets: "agents" },
    tokens: {},
    monitoring: {
      level: "essential",
      publisher: "api",
      perAgentMetrics: 0,
      emails: [],
      httpsEndpoints: [],
      slack: [],
      teams: [],
      thresholds: {},
    },
    iam: { rolePath: "/" },
    tags: {},
    warnings: [],
    ...overrides,
  };
}

export function serverSettings(overrides: Partial<StageSettings["server"]> = {}): StageSettings["server"] {
  return {
    image: { repository: "ghcr.io/dbward-dev/dbward-server", tag: "0.2.0", pullThroughCache: false },
    cpu: 512,
    memoryMiB: 1024,
    config: { source: "rendered", toml: 'state_dir = "/data"\n' },
    rustLog: "info",
    allowedCidrs: [],
    stopTimeoutSeconds: 120,
    logRetentionDays: 14,
    secrets: {},
    ...overrides,
  };
}
