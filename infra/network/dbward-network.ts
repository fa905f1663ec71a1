import {
  isEcr,
  type NetworkSettings,
  type NewNetworkSettings,
  type SubnetSettings,
} from "@dbward-aws/settings";
import { Fn, RemovalPolicy, Token } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { PrivateEndpoints } from "./private-endpoints.ts";

export interface DbwardNetworkProps {
  readonly settings: NetworkSettings;
  /**
   * Whether something, such as an internet-facing load balancer, needs public subnets.
   * @default false
   */
  readonly publicSubnets?: boolean;
  /**
   * Images that tasks pull, with their tags. Without a way to the internet only images in ECR can be pulled, and
   * others are an error at synth.
   * @default []
   */
  readonly images?: readonly string[];
}

/** Days for which refused connections stay in the flow log. */
const FLOW_LOG_RETENTION = logs.RetentionDays.TWO_WEEKS;

/**
 * The VPC of a stage, made or taken as it is, and the subnets of its tasks. Nothing is looked up: a template can
 * be made without credentials.
 */
export class DbwardNetwork extends Construct {
  readonly vpc: ec2.IVpc;
  /** IPv4 block of the VPC. */
  readonly cidr: string;
  /** Subnets of tasks, mount targets and the poller: private ones, unless the way out is `public`. */
  readonly taskSubnets: ec2.SubnetSelection;
  /** Subnets for an internet-facing load balancer, when there are any. */
  readonly publicSubnets?: ec2.SubnetSelection;
  /** Whether tasks get a public address: only when the way out is `public`. */
  readonly assignPublicIp: boolean;
  readonly egress: NetworkSettings["egress"];

  constructor(scope: Construct, id: string, props: DbwardNetworkProps) {
    super(scope, id);
    const { settings } = props;
    this.cidr = settings.cidr;
    this.egress = settings.egress;
    this.assignPublicIp = settings.egress === "public";

    if (settings.kind === "new") {
      const withPublic = settings.egress !== "endpoints" || props.publicSubnets === true;
      const vpc = this.#createVpc(settings, withPublic);
      this.vpc = vpc;
      this.taskSubnets = { subnets: this.#taskSubnetsOf(vpc) };
      if (withPublic) this.publicSubnets = { subnets: vpc.publicSubnets };
      if (settings.egress === "endpoints")
        new PrivateEndpoints(this, "Endpoints", { vpc, cidr: settings.cidr, subnets: this.taskSubnets });
    } else {
      this.vpc = ec2.Vpc.fromVpcAttributes(this, "Vpc", {
        vpcId: settings.vpcId,
        vpcCidrBlock: settings.cidr,
        availabilityZones: [...new Set(settings.subnets.map((subnet) => subnet.availabilityZone))],
      });
      this.taskSubnets = { subnets: this.#importSubnets("Task", settings.subnets) };
      if (settings.publicSubnets.length > 0)
        this.publicSubnets = { subnets: this.#importSubnets("Public", settings.publicSubnets) };
    }

    this.node.addValidation({ validate: () => this.#unreachable(props) });
  }

  #createVpc(settings: NewNetworkSettings, withPublic: boolean): ec2.Vpc {
    // Room for two subnets in each of three zones; in a block of /24, the smallest, a /27, the least for a load balancer.
    const cidrMask = Number(settings.cidr.split("/")[1]) + 3;
    const vpc = new ec2.Vpc(this, "Vpc", {
      ipAddresses: ec2.IpAddresses.cidr(settings.cidr),
      // Asked of CloudFormation one by one: for an account that is open at synth, CDK's own `maxAzs` stops at two.
      availabilityZones: Array.from({ length: settings.availabilityZones }, (_, index) =>
        Fn.select(index, Fn.getAzs()),
      ),
      // One NAT gateway a zone, so that the loss of one zone does not take the others' way out with it.
      ...(settings.egress === "nat" ? {} : { natGateways: 0 }),
      // Costs nothing, and keeps results and image layers off the NAT gateways.
      gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
      subnetConfiguration: [
        ...(withPublic
          ? [{ name: "Public", subnetType: ec2.SubnetType.PUBLIC, cidrMask, mapPublicIpOnLaunch: false }]
          : []),
        ...(settings.egress === "nat"
          ? [{ name: "Tasks", subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask }]
          : []),
        ...(settings.egress === "endpoints"
          ? [{ name: "Tasks", subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask }]
          : []),
      ],
    });
    vpc.addFlowLog("RefusedConnections", {
      trafficType: ec2.FlowLogTrafficType.REJECT,
      destination: ec2.FlowLogDestination.toCloudWatchLogs(
        new logs.LogGroup(this, "FlowLog", {
          retention: FLOW_LOG_RETENTION,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
      ),
    });
    return vpc;
  }

  #taskSubnetsOf(vpc: ec2.Vpc): ec2.ISubnet[] {
    if (this.egress === "nat") return vpc.privateSubnets;
    return this.egress === "endpoints" ? vpc.isolatedSubnets : vpc.publicSubnets;
  }

  #importSubnets(prefix: string, subnets: readonly SubnetSettings[]): ec2.ISubnet[] {
    return subnets.map((subnet) =>
      ec2.Subnet.fromSubnetAttributes(this, `${prefix}-${subnet.id}`, {
        subnetId: subnet.id,
        availabilityZone: subnet.availabilityZone,
      }),
    );
  }

  /** What the chosen way out can't reach, all at once. */
  #unreachable({ settings, publicSubnets = false, images = [] }: DbwardNetworkProps): string[] {
    const errors: string[] = [];
    if (settings.egress === "endpoints") {
      for (const image of new Set(images)) {
        if (!Token.isUnresolved(image) && !isEcr(image))
          errors.push(
            `network.egress "endpoints" has no way to the internet, and image ${image} is outside ECR: copy it to a repository in ECR and name that, or choose "nat".`,
          );
      }
    }
    if (publicSubnets && this.publicSubnets === undefined)
      errors.push(
        "network.publicSubnets is empty, and an internet-facing load balancer needs two: name them, or make the load balancer internal.",
      );
    if (settings.kind === "existing") {
      const zones = settings.subnets.map((subnet) => subnet.availabilityZone);
      const twice = [...new Set(zones.filter((zone, at) => zones.indexOf(zone) !== at))];
      if (zones.length === 0)
        errors.push("network.subnets is empty: name at least one subnet for the tasks.");
      for (const zone of twice)
        errors.push(
          `network.subnets names more than one subnet in ${zone}: EFS takes one mount target a zone, so name one subnet a zone.`,
        );
    }
    return errors;
  }
}
