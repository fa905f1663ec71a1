import * as ec2 from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";
import { DbwardSecurityGroup } from "../network/dbward-security-group.ts";
import type { MonitoredStage } from "./monitored-stage.ts";

export interface PollerEndpointsProps extends Pick<MonitoredStage, "server" | "publisher"> {
  /** IPv4 blocks of the VPC. @default - the block that the VPC knows */
  readonly vpcCidrs: readonly string[] | undefined;
}

const { InterfaceVpcEndpointAwsService: Service } = ec2;
const HTTPS = ec2.Port.tcp(443);

/**
 * The poller's way to AWS when tasks reach the internet by public addresses: a function in a VPC never gets
 * one. Costs about 7 USD a month for each endpoint; with publisher `emf` one fewer.
 */
export class PollerEndpoints extends Construct {
  constructor(scope: Construct, id: string, props: PollerEndpointsProps) {
    super(scope, id);
    const { vpc, vpcSubnets } = props.server;
    const securityGroup = new DbwardSecurityGroup(this, "SecurityGroup", {
      vpc,
      description: "VPC endpoints of the dbward poller",
    });
    // Private DNS leads everything in the VPC here, the tasks that read their secrets at start included.
    for (const cidr of props.vpcCidrs ?? [vpc.vpcCidrBlock])
      securityGroup.addIngressRule(ec2.Peer.ipv4(cidr), HTTPS, "HTTPS from the VPC");

    const [subnet] = vpc.selectSubnets(vpcSubnets).subnets;
    const services = {
      SecretsManager: Service.SECRETS_MANAGER,
      Ecs: Service.ECS,
      ...(props.publisher === "api" ? { Monitoring: Service.CLOUDWATCH_MONITORING } : {}),
    };
    for (const [name, service] of Object.entries(services))
      new ec2.InterfaceVpcEndpoint(this, name, {
        vpc,
        service,
        // One zone is enough for one call a minute, and half the price.
        subnets: { subnets: subnet ? [subnet] : [] },
        securityGroups: [securityGroup],
        open: false,
      });
  }
}
