import * as ec2 from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";
import type { MonitoredStage } from "./monitored-stage.ts";

export type PollerEndpointsProps = Pick<MonitoredStage, "settings" | "network">;

const { InterfaceVpcEndpointAwsService: Service } = ec2;
const HTTPS = ec2.Port.tcp(443);

/**
 * The poller's way to AWS when tasks reach the internet by public addresses: a function in a VPC never gets one. Costs
 * about 7 USD a month for each endpoint; with publisher `emf` one fewer.
 */
export class PollerEndpoints extends Construct {
  constructor(scope: Construct, id: string, props: PollerEndpointsProps) {
    super(scope, id);
    const { settings, network } = props;
    const securityGroup = new ec2.SecurityGroup(this, "SecurityGroup", {
      vpc: network.vpc,
      description: "VPC endpoints of the dbward poller",
      allowAllOutbound: false,
    });
    // Private DNS leads everything in the VPC here, the tasks that read their secrets at start included.
    securityGroup.addIngressRule(ec2.Peer.ipv4(settings.network.cidr), HTTPS, "HTTPS from the VPC");

    const [subnet] = network.vpc.selectSubnets(network.taskSubnets).subnets;
    const services = {
      SecretsManager: Service.SECRETS_MANAGER,
      Ecs: Service.ECS,
      ...(settings.monitoring.publisher === "api" ? { Monitoring: Service.CLOUDWATCH_MONITORING } : {}),
    };
    for (const [name, service] of Object.entries(services))
      new ec2.InterfaceVpcEndpoint(this, name, {
        vpc: network.vpc,
        service,
        // One zone is enough for one call a minute, and half the price.
        subnets: { subnets: subnet ? [subnet] : [] },
        securityGroups: [securityGroup],
        open: false,
      });
  }
}
