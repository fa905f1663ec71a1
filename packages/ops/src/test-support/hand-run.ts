import type { FormerAgent, FormerServer } from "../adopt/hand-run.ts";
import type { StageSources } from "../adopt/stage-of-hand-run.ts";

/** ARN of a secret, up to its name. */
export const SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:dbward";
const TASK = {
  stack: "acme",
  cluster: "acme",
  tasks: 1,
  architecture: "x86_64",
  rustLog: "info",
  subnets: ["subnet-00000001", "subnet-00000002"],
  securityGroups: ["sg-00000001"],
} as const;

/** The server of a manual deployment. */
export function formerServer(changes: Partial<FormerServer> = {}): FormerServer {
  return {
    ...TASK,
    service: "server",
    container: "server",
    image: "ghcr.io/dbward-dev/dbward-server:latest",
    cpu: 512,
    memoryMiB: 1024,
    config: {
      toml: 'state_dir = "/data"\n[auth]\n[[databases]]\nname = "app"\nenvironments = ["production"]\n[result_storage]\nbackend = "local"\n',
    },
    secrets: {},
    fileSystemId: "fs-00000001",
    accessPointId: "fsap-0123456789abcdef1",
    bucketName: "acme-results",
    allowedCidr: "10.0.0.0/8",
    loadBalancer: undefined,
    ...changes,
  };
}

/** An agent of a manual deployment. */
export function formerAgent(changes: Partial<FormerAgent> = {}): FormerAgent {
  return {
    ...TASK,
    name: "app",
    service: "agent",
    container: "agent",
    image: "ghcr.io/dbward-dev/dbward-agent:0.2.0",
    cpu: 256,
    memoryMiB: 512,
    config: {
      toml:
        '[server]\nurl = "http://server:3000"\nagent_token = "$' +
        '{DBWARD_AGENT_TOKEN}"\n[databases.app.production]\nurl = "$' +
        '{DATABASE_URL}"\n',
    },
    secrets: {
      DBWARD_AGENT_TOKEN: `${SECRET}/agent-token-AbCdEf`,
      DATABASE_URL: `${SECRET}/database-url-AbCdEf`,
    },
    databasePort: 5432,
    ...changes,
  };
}

/** A manual deployment with one agent. */
export function sources(changes: Partial<StageSources> = {}): StageSources {
  return {
    stage: "prod",
    account: "123456789012",
    region: "eu-central-1",
    found: { server: formerServer(), agents: [formerAgent()], stacks: [] },
    place: {
      vpcId: "vpc-00000001",
      subnets: ["subnet-00000001", "subnet-00000002"],
      mountTargetGroup: "sg-00000009",
      withoutMountTarget: [],
      databaseGroups: new Map([["app", ["sg-00000007"]]]),
    },
    bootstrapAgent: "app",
    databaseCidrs: [],
    ...changes,
  };
}
