import { Fn } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { DbwardLogGroup } from "../dbward-log-group.ts";
import { PropProblems } from "../prop-problems.ts";
import { Egress } from "./egress.ts";
import { PrivateEndpoints } from "./private-endpoints.ts";

export interface NewNetworkProps {
  /** IPv4 block, /16 to /24. @default "10.60.0.0/16" */
  readonly cidr?: string;
  /** How many availability zones, 1 to 3. @default 2 */
  readonly availabilityZones?: number;
  /** How tasks reach AWS and the registry. @default Egress.nat() */
  readonly egress?: Egress;
  /**
   * Whether something else, such as an internet-facing load balancer, needs public subnets.
   * @default false
   */
  readonly publicSubnets?: boolean;
  /**
   * Customer managed key of the flow log; CloudWatch Logs must be allowed to use it.
   * @default - a key of AWS
   */
  readonly encryptionKey?: kms.IKey;
}

/** Days for which refused connections stay in the flow log. */
const FLOW_LOG_RETENTION = logs.RetentionDays.TWO_WEEKS;
/** Zones for which subnets' blocks are set aside. */
const MAX_ZONES = 3;

/**
 * A VPC of its own. Each kind of subnet in each of three zones has its block, in use or not: a block can't be
 * given to another subnet while the former one is there, so the network could otherwise not be changed later.
 *
 * | Eighth of the VPC's block | 1 | 2 | 3 | 4 | 5 | 6 | 7, 8 |
 * |---|---|---|---|---|---|---|---|
 * | Subnets | `Public`, zone 1 | zone 2 | zone 3 | `Tasks`, zone 1 | zone 2 | zone 3 | free |
 */
export class NewNetwork extends Construct {
  readonly vpc: ec2.Vpc;
  /** IPv4 blocks of the VPC. */
  readonly cidrs: readonly string[];
  /** Subnets of tasks and the poller. */
  readonly taskSubnets: ec2.SubnetSelection;
  /**
   * Subnets of mount targets and of an internal load balancer. They stay the same when the way out of the
   * tasks changes: EFS takes one mount target a zone, so that one can't move to another subnet of its zone.
   */
  readonly internalSubnets: ec2.SubnetSelection;
  /** Subnets for an internet-facing load balancer, if the network has public ones. */
  readonly publicSubnets?: ec2.SubnetSelection;
  /** Whether tasks need a public address to reach anything outside the VPC. */
  readonly assignPublicIp: boolean;

  constructor(scope: Construct, id: string, props: NewNetworkProps = {}) {
    super(scope, id);
    const { cidr = "10.60.0.0/16", availabilityZones = 2, egress = Egress.nat() } = props;
    this.#check(cidr, availabilityZones);
    const withPublic = egress.needsPublicSubnets || (props.publicSubnets ?? false);
    // In a block of /24, the smallest, a /27: the least for a load balancer.
    const cidrMask = Number(cidr.split("/")[1]) + 3;

    this.cidrs = [cidr];
    this.assignPublicIp = egress.assignPublicIp;
    this.vpc = new ec2.Vpc(this, "Vpc", {
      ipAddresses: ec2.IpAddresses.cidr(cidr),
      // Asked of CloudFormation one by one: for an account that is open at synth, CDK's own `maxAzs` stops at
      // two.
      availabilityZones: Array.from({ length: availabilityZones }, (_, index) =>
        Fn.select(index, Fn.getAzs()),
      ),
      reservedAzs: MAX_ZONES - availabilityZones,
      // One NAT gateway a zone, so that the loss of one zone does not take the others' way out with it.
      natGateways: egress.usesNat ? availabilityZones : 0,
      // Costs nothing, and keeps results and image layers off the NAT gateways.
      gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
      subnetConfiguration: [
        {
          name: "Public",
          subnetType: ec2.SubnetType.PUBLIC,
          cidrMask,
          mapPublicIpOnLaunch: false,
          reserved: !withPublic,
        },
        {
          name: "Tasks",
          subnetType: egress.usesNat ? ec2.SubnetType.PRIVATE_WITH_EGRESS : ec2.SubnetType.PRIVATE_ISOLATED,
          cidrMask,
        },
      ],
    });
    this.internalSubnets = { subnets: egress.usesNat ? this.vpc.privateSubnets : this.vpc.isolatedSubnets };
    if (withPublic) this.publicSubnets = { subnets: this.vpc.publicSubnets };
    this.taskSubnets = (egress.assignPublicIp ? this.publicSubnets : undefined) ?? this.internalSubnets;
    if (egress.usesEndpoints)
      new PrivateEndpoints(this, "Endpoints", {
        vpc: this.vpc,
        cidrs: this.cidrs,
        subnets: this.internalSubnets,
      });
    this.vpc.addFlowLog("RefusedConnections", {
      trafficType: ec2.FlowLogTrafficType.REJECT,
      destination: ec2.FlowLogDestination.toCloudWatchLogs(
        new DbwardLogGroup(this, "FlowLog", {
          retention: FLOW_LOG_RETENTION,
          encryptionKey: props.encryptionKey,
        }),
      ),
    });
  }

  #check(cidr: string, availabilityZones: number): void {
    const problems = new PropProblems(this);
    problems.expectText(
      cidr,
      /^\d{1,3}(\.\d{1,3}){3}\/(1[6-9]|2[0-4])$/,
      "cidr",
      "must be an IPv4 block of /16 to /24",
    );
    problems.expect(
      Number.isInteger(availabilityZones) && availabilityZones >= 1 && availabilityZones <= MAX_ZONES,
      "availabilityZones",
      `must be 1 to ${MAX_ZONES}, not ${availabilityZones}`,
    );
    problems.throwIfAny();
  }
}
