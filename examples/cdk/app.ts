import {
  AgentConfig,
  DbwardAgent,
  DbwardMonitoring,
  DbwardServer,
  ResultStorage,
  ServerConfig,
  TokenCapture,
} from "@dbward-aws/infra";
import { App, CfnOutput, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as s3 from "aws-cdk-lib/aws-s3";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";

/** dbward in a VPC and a cluster that exist, beside a database that exists. Their ids are in cdk.json. */
const app = new App();
const id = (name: string): string => app.node.getContext(name);
const ids = (name: string): string[] =>
  [app.node.getContext(name)].flat(2).flatMap((value) => value.split(","));
const stack = new Stack(app, "DbwardExample", { env: { region: id("region") } });

const vpc = ec2.Vpc.fromVpcAttributes(stack, "Vpc", {
  vpcId: id("vpcId"),
  vpcCidrBlock: id("vpcCidr"),
  availabilityZones: ids("availabilityZones"),
  privateSubnetIds: ids("privateSubnetIds"),
});
const database = ec2.SecurityGroup.fromSecurityGroupId(stack, "Database", id("databaseSecurityGroupId"));

const server = new DbwardServer(stack, "Server", {
  stage: "example",
  vpc,
  cluster: ecs.Cluster.fromClusterAttributes(stack, "Cluster", { clusterName: id("clusterName"), vpc }),
  image: ecs.ContainerImage.fromRegistry("ghcr.io/dbward-dev/dbward-server:0.2.0"),
  config: ServerConfig.fromFile("server.toml"),
  results: ResultStorage.bucket(s3.Bucket.fromBucketName(stack, "Results", id("bucketName"))),
});
const capture = new TokenCapture(stack, "Capture", { server, agents: ["app"] });
const agent = new DbwardAgent(stack, "App", {
  server,
  token: capture.agentToken("app"),
  image: ecs.ContainerImage.fromRegistry("ghcr.io/dbward-dev/dbward-agent:0.2.0"),
  config: AgentConfig.fromFile("agent.toml"),
  databases: [
    {
      secret: secretsmanager.Secret.fromSecretNameV2(stack, "DatabaseUrl", id("databaseUrlSecret")),
      connectable: database,
    },
  ],
});
const monitoring = new DbwardMonitoring(stack, "Monitoring", { server, agents: [agent], capture });

new CfnOutput(stack, "Url", { value: server.url });
new CfnOutput(stack, "Dashboard", { value: monitoring.dashboardUrl });
