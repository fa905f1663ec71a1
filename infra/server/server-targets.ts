import { SERVER } from "@dbward-aws/contract";
import { Duration } from "aws-cdk-lib";
import type * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as ecs from "aws-cdk-lib/aws-ecs";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import type { Construct } from "constructs";

export interface ServerTargetsProps {
  readonly vpc: ec2.IVpc;
  readonly service: ecs.FargateService;
}

/**
 * How long a server that is about to stop keeps its open requests. It stands between the end of the old task
 * and the start of the new one, so it is part of every deployment's pause.
 */
const DEREGISTRATION_DELAY = Duration.seconds(15);

/** The server as the target of an Application Load Balancer. */
export class ServerTargets extends elb.ApplicationTargetGroup {
  constructor(scope: Construct, id: string, { vpc, service }: ServerTargetsProps) {
    super(scope, id, {
      vpc,
      port: SERVER.port,
      protocol: elb.ApplicationProtocol.HTTP,
      targets: [service.loadBalancerTarget({ containerName: SERVER.container, containerPort: SERVER.port })],
      deregistrationDelay: DEREGISTRATION_DELAY,
      healthCheck: {
        path: "/ready",
        interval: Duration.seconds(10),
        timeout: Duration.seconds(5),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 3,
      },
    });
  }
}
