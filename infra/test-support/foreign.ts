import { App, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as rds from "aws-cdk-lib/aws-rds";
import * as s3 from "aws-cdk-lib/aws-s3";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { AgentConfig } from "../agent/agent-config.ts";
import type { DbwardAgentProps } from "../agent/dbward-agent.ts";
import { DbwardServer, type DbwardServerProps } from "../server/dbward-server.ts";
import { ServerConfig } from "../server/server-config.ts";
import { ResultStorage } from "../state/result-storage.ts";
import { REGION } from "./synth.ts";

/** What exists already where a user of the constructs begins. */
export function foreignStack() {
  const stack = new Stack(new App(), "Platform", { env: { region: REGION, account: "111122223333" } });
  const zones = ["eu-central-1a", "eu-central-1b"];
  const vpc = ec2.Vpc.fromVpcAttributes(stack, "Vpc", {
    vpcId: "vpc-0123456789abcdef0",
    vpcCidrBlock: "10.0.0.0/16",
    availabilityZones: zones,
    privateSubnetIds: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
  });
  const cluster = ecs.Cluster.fromClusterAttributes(stack, "Cluster", { clusterName: "shared", vpc });
  const bucket = s3.Bucket.fromBucketName(stack, "Bucket", "acme-results");
  const database = rds.DatabaseInstance.fromDatabaseInstanceAttributes(stack, "Database", {
    instanceIdentifier: "app",
    instanceEndpointAddress: "app.internal",
    port: 5432,
    securityGroups: [ec2.SecurityGroup.fromSecurityGroupId(stack, "DatabaseGroup", "sg-0123456789abcdef0")],
  });
  const databaseUrl = secretsmanager.Secret.fromSecretNameV2(stack, "DatabaseUrl", "app/url");
  return { stack, vpc, cluster, bucket, database, databaseUrl };
}

/** A server.toml that dbward accepts. */
export const SERVER_TOML = `[[databases]]
name = "app"
environments = ["production"]
`;

/** An agent.toml that dbward accepts. */
export const AGENT_TOML = `[server]
url = "http://server:3000"
agent_token = "\${DBWARD_AGENT_TOKEN}"

[databases.app.production]
url = "\${DATABASE_URL}"
`;

type Foreign = ReturnType<typeof foreignStack>;

/** A server in what exists already. */
export function foreignServer(
  { stack, vpc, cluster, bucket }: Foreign,
  props: Partial<DbwardServerProps> = {},
): DbwardServer {
  return new DbwardServer(stack, "Server", {
    stage: "shop",
    vpc,
    cluster,
    image: ecs.ContainerImage.fromRegistry("ghcr.io/dbward-dev/dbward-server:0.2.0"),
    config: ServerConfig.fromString(SERVER_TOML),
    results: ResultStorage.bucket(bucket),
    ...props,
  });
}

/** Props of an agent in what exists already, without server and token. */
export function foreignAgentProps({
  database,
  databaseUrl,
}: Foreign): Omit<DbwardAgentProps, "server" | "token"> {
  return {
    image: ecs.ContainerImage.fromRegistry("ghcr.io/dbward-dev/dbward-agent:0.2.0"),
    config: AgentConfig.fromString(AGENT_TOML),
    databases: [{ secret: databaseUrl, connectable: database }],
  };
}
