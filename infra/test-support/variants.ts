import type { StageSettings } from "@dbward-aws/settings";
import { agentSettings, serverSettings, stageSettings } from "./settings.ts";

/** @param last last digits of its id */
const key = (last: string) =>
  `arn:aws:kms:eu-central-1:111111111111:key/11111111-2222-3333-4444-${last.padStart(12, "0")}`;

const CACHED = {
  repository: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/cache",
  tag: "1",
  pullThroughCache: true,
};

const EXISTING_VPC: StageSettings["network"] = {
  kind: "existing",
  vpcId: "vpc-0123456789abcdef0",
  cidr: "10.0.0.0/16",
  subnets: [
    { id: "subnet-0123456789abcdef0", availabilityZone: "eu-central-1a" },
    { id: "subnet-0123456789abcdef1", availabilityZone: "eu-central-1b" },
  ],
  publicSubnets: [],
  egress: "nat",
};

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
  "several agents": {
    agents: [
      agentSettings({ ecsExec: true, capacityProvider: "FARGATE_SPOT" }),
      agentSettings({
        name: "payments",
        databases: [
          {
            variable: "APP_URL",
            urlSecret: "dbward/app",
            port: 5432,
            securityGroupId: "sg-0123456789abcdef0",
          },
          { variable: "REPORTS_URL", urlSecret: "dbward/reports", port: 3306, cidrs: ["10.9.0.0/16"] },
        ],
      }),
    ],
  },
  "a configuration in SSM that reads a secret": {
    server: serverSettings({
      config: { source: "ssm", parameter: "/dbward/server-config" },
      secrets: { SLACK_BOT_TOKEN: "dbward/slack" },
    }),
  },
  "no internet": {
    network: { kind: "new", cidr: "10.60.0.0/16", availabilityZones: 2, egress: "endpoints" },
    server: serverSettings({
      image: { repository: "x", tag: "1", ecrRepositoryName: "server", pullThroughCache: false },
    }),
    agents: [
      agentSettings({
        image: { repository: "x", tag: "1", ecrRepositoryName: "agent", pullThroughCache: false },
      }),
    ],
  },
  "a pull-through cache": {
    server: serverSettings({ image: { ...CACHED, repository: `${CACHED.repository}/dbward-server` } }),
    agents: [agentSettings({ image: { ...CACHED, repository: `${CACHED.repository}/dbward-agent` } })],
  },
  "an existing VPC": {
    network: EXISTING_VPC,
  },
  "an existing listener": {
    network: EXISTING_VPC,
    server: serverSettings({
      listener: {
        arn: "arn:aws:elasticloadbalancing:eu-central-1:111111111111:listener/app/platform/50dc6c495c0c9188/f2f7dc8efc522ab2",
        securityGroupId: "sg-0123456789abcdef0",
        url: "https://dbward.example.com",
        priority: 100,
      },
    }),
    monitoring: { ...stageSettings().monitoring, level: "full" },
  },
  "a shared cluster": {
    cluster: "arn:aws:ecs:eu-central-1:111111111111:cluster/shared",
    agents: [agentSettings({ capacityProvider: "FARGATE_SPOT" })],
  },
  "an existing file system and bucket": {
    state: { fileSystemId: "fs-0123456789abcdef0" },
    storage: { backend: "s3", retentionDays: 30, versioning: false, bucketName: "acme-results" },
  },
  "the file system and the bucket of a manual deployment": {
    state: {
      fileSystemId: "fs-0123456789abcdef0",
      accessPointId: "fsap-0123456789abcdef0",
      securityGroupId: "sg-0123456789abcdef0",
    },
    capture: { method: "task", allowSessionLogging: false },
    storage: { backend: "s3", retentionDays: 30, versioning: false, bucketName: "acme-results" },
    encryption: { keys: { "acme-results": key("1") } },
  },
  "a key of its own": {
    encryption: { kmsKey: "new", keys: { "dbward/database-url": key("2") } },
    capture: { method: "task", allowSessionLogging: false },
  },
  "a key of the customer's": {
    encryption: { kmsKey: key("3"), keys: { "/dbward/server-config": key("4") } },
    server: serverSettings({ config: { source: "ssm", parameter: "/dbward/server-config" } }),
    agents: [agentSettings({ config: { source: "ssm", parameter: "/dbward/agent-config" } })],
  },
  "new values for the server, too": {
    server: serverSettings({
      config: { source: "ssm", parameter: "/dbward/server-config" },
      secrets: { SLACK_BOT_TOKEN: "dbward/slack" },
    }),
    apply: { configuration: true, secrets: "all" },
  },
  "no new values": { apply: { configuration: false, secrets: "none" } },
  "a locked vault": { backup: { daily: true, startHour: 0, keepDays: 90, lock: { mode: "governance" } } },
  "a vault that is locked for good": {
    backup: {
      daily: true,
      startHour: 3,
      keepDays: 35,
      lock: { mode: "compliance", minDays: 7, maxDays: 365, changeableForDays: 3 },
    },
  },
  "copies by hand alone, in an existing vault": {
    backup: { daily: false, startHour: 3, keepDays: 35, vaultName: "acme-backups" },
  },
  "Intel processors": { architecture: "x86_64", capture: { method: "task", allowSessionLogging: false } },
  "roles within a boundary, tags, and versions of results": {
    storage: { backend: "s3", retentionDays: 30, versioning: true },
    iam: { permissionsBoundary: "arn:aws:iam::111111111111:policy/boundary", rolePath: "/dbward/" },
    tags: { "cost-center": "42" },
  },
  "working hours": {
    hours: { timeZone: "Europe/Berlin", start: "08:00", stop: "19:00", days: ["MON", "TUE", "WED"] },
    agents: [agentSettings({ desiredCount: 2, capacityProvider: "FARGATE_SPOT" })],
    monitoring: { ...stageSettings().monitoring, level: "full", publisher: "emf" },
  },
  "an existing topic under a key, with a channel": {
    monitoring: {
      ...stageSettings().monitoring,
      topicArn: "arn:aws:sns:eu-central-1:111111111111:platform-alarms",
      slack: [{ workspaceId: "T0123ABCD", channelId: "C0123ABCD" }],
    },
    encryption: { keys: { "arn:aws:sns:eu-central-1:111111111111:platform-alarms": key("6") } },
  },
  "tokens that are rotated": {
    tokens: { rotateAfterDays: 90 },
    encryption: { kmsKey: key("5"), keys: {} },
  },
  "public subnets": {
    network: { kind: "new", cidr: "10.60.0.0/16", availabilityZones: 2, egress: "public" },
    storage: { backend: "local", retentionDays: 30, versioning: false },
  },
} as const satisfies Record<string, Partial<StageSettings>>;
