import * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as ecs from "aws-cdk-lib/aws-ecs";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import type * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";
import { DbwardSecurityGroup } from "../network/dbward-security-group.ts";
import { PropProblems } from "../prop-problems.ts";
import { AccessLogBucket } from "../state/access-log-bucket.ts";
import { ServerTargets } from "./server-targets.ts";

/** How people reach the server. */
export interface ServerLoadBalancerOptions {
  /** Whether it has public addresses. @default false */
  readonly internetFacing?: boolean;
  /**
   * Whether ELB refuses to delete it: take this off before you remove it or change `internetFacing`.
   * @default false
   */
  readonly deletionProtection?: boolean;
  /** Certificate for HTTPS. @default - none: plain HTTP, for networks that end TLS elsewhere */
  readonly certificate?: elb.IListenerCertificate;
  /** IPv4 blocks that may reach it. @default - the VPC's */
  readonly allowedCidrs?: readonly string[];
  /**
   * Subnets in two availability zones at least; public ones for a load balancer with public addresses.
   * @default - those of the tasks, or with `internetFacing` the VPC's public subnets
   */
  readonly vpcSubnets?: ec2.SubnetSelection;
  /**
   * Bucket of the access logs. Its policy must let the log delivery write before the load balancer is
   * created.
   * @default - a new one, which is kept when the stack is deleted
   */
  readonly accessLogs?: s3.IBucket;
}

export interface ServerLoadBalancerProps extends ServerLoadBalancerOptions {
  readonly vpc: ec2.IVpc;
  readonly service: ecs.FargateService;
}

/** The way to the server's API for people: HTTPS with a certificate, plain HTTP without one. */
export class ServerLoadBalancer extends Construct {
  readonly loadBalancer: elb.ApplicationLoadBalancer;
  readonly targetGroup: elb.ApplicationTargetGroup;
  /**
   * Base URL of the API. With a certificate, people use the name that it is made for in place of the host.
   */
  readonly url: string;

  /** @throws InvalidPropsError when the subnets are not in two availability zones */
  constructor(scope: Construct, id: string, props: ServerLoadBalancerProps) {
    super(scope, id);
    const { vpc, service, certificate, internetFacing = false } = props;
    const vpcSubnets = props.vpcSubnets ?? { subnetType: ec2.SubnetType.PUBLIC, onePerAz: true };
    const zones = new Set(vpc.selectSubnets(vpcSubnets).availabilityZones);
    const problems = new PropProblems(this);
    problems.expect(
      zones.size >= 2,
      "vpcSubnets",
      `must select ${internetFacing ? "public " : ""}subnets in two availability zones, which a load balancer needs`,
    );
    problems.throwIfAny();

    const group = new DbwardSecurityGroup(this, "SecurityGroup", {
      vpc,
      description: "Load balancer of the dbward server",
    });
    for (const cidr of props.allowedCidrs ?? [vpc.vpcCidrBlock])
      for (const port of certificate ? [443, 80] : [80])
        group.addIngressRule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(port), "loadBalancer.allowedCidrs");
    acceptFindings(group, [
      {
        id: "AwsSolutions-EC23",
        reason: "Whom the load balancer answers is written out in the settings (allowedCidrs).",
      },
    ]);

    // Another scheme is another load balancer. Its target group can't be at two load balancers at once, and
    // another stack imports its name, which may not change: both get other logical ids.
    const idPrefix = internetFacing ? "Public" : "";
    this.loadBalancer = new elb.ApplicationLoadBalancer(this, `${idPrefix}Balancer`, {
      vpc,
      vpcSubnets,
      internetFacing,
      securityGroup: group,
      deletionProtection: props.deletionProtection ?? false,
      dropInvalidHeaderFields: true,
    });
    const accessLogs = props.accessLogs ?? new AccessLogBucket(this, "AccessLogs").bucket;
    this.loadBalancer.setAttribute("access_logs.s3.enabled", "true");
    this.loadBalancer.setAttribute("access_logs.s3.bucket", accessLogs.bucketName);
    // The load balancer writes an object when it is created.
    if (accessLogs.policy !== undefined) this.loadBalancer.node.addDependency(accessLogs.policy);

    this.targetGroup = new ServerTargets(this, `${idPrefix}Targets`, { vpc, service });

    if (certificate === undefined)
      this.loadBalancer.addListener("Http", {
        port: 80,
        open: false,
        defaultTargetGroups: [this.targetGroup],
      });
    else {
      this.loadBalancer.addListener("Https", {
        port: 443,
        open: false,
        certificates: [certificate],
        sslPolicy: elb.SslPolicy.RECOMMENDED_TLS,
        defaultTargetGroups: [this.targetGroup],
      });
      this.loadBalancer.addListener("Http", {
        port: 80,
        open: false,
        defaultAction: elb.ListenerAction.redirect({ protocol: "HTTPS", port: "443", permanent: true }),
      });
    }
    this.url = `${certificate ? "https" : "http"}://${this.loadBalancer.loadBalancerDnsName}`;
  }
}
