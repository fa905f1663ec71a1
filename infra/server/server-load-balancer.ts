import { SERVER } from "@dbward-aws/contract";
import type { LoadBalancerSettings } from "@dbward-aws/settings";
import { Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as ecs from "aws-cdk-lib/aws-ecs";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";
import type { DbwardNetwork } from "../network/dbward-network.ts";

export interface ServerLoadBalancerProps {
  readonly settings: LoadBalancerSettings;
  readonly network: DbwardNetwork;
  readonly service: ecs.FargateService;
}

/** Days for which access logs are kept. */
const ACCESS_LOG_DAYS = 90;
/**
 * How long a server that is about to stop keeps its open requests. It stands between the end of the old task and the
 * start of the new one, so it is part of every deployment's pause.
 */
const DEREGISTRATION_DELAY = Duration.seconds(15);

/** The way to the server's API for people: HTTPS with a certificate, plain HTTP without one. */
export class ServerLoadBalancer extends Construct {
  readonly loadBalancer: elb.ApplicationLoadBalancer;
  readonly targetGroup: elb.ApplicationTargetGroup;
  /** Base URL of the API. With a certificate the name that it is made for belongs here instead. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: ServerLoadBalancerProps) {
    super(scope, id);
    const { settings, network, service } = props;
    const secure = settings.certificateArn !== undefined;
    const internetFacing = settings.scheme === "internet-facing";

    const group = new ec2.SecurityGroup(this, "SecurityGroup", {
      vpc: network.vpc,
      description: "Load balancer of the dbward server",
      allowAllOutbound: false,
    });
    for (const cidr of settings.allowedCidrs)
      for (const port of secure ? [443, 80] : [80])
        group.addIngressRule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(port), "loadBalancer.allowedCidrs");

    acceptFindings(group, [
      {
        id: "AwsSolutions-EC23",
        reason: "Whom the load balancer answers is written out in the settings (allowedCidrs).",
      },
    ]);

    // Without public subnets the network reports the mistake; the task subnets keep synth going until it does.
    const subnets = (internetFacing ? network.publicSubnets : undefined) ?? network.taskSubnets;
    this.loadBalancer = new elb.ApplicationLoadBalancer(this, "Balancer", {
      vpc: network.vpc,
      vpcSubnets: subnets,
      internetFacing,
      securityGroup: group,
      dropInvalidHeaderFields: true,
    });
    this.#logAccess();
    const zones = new Set(network.vpc.selectSubnets(subnets).availabilityZones);
    this.node.addValidation({
      validate: () =>
        zones.size < 2
          ? ["server.loadBalancer needs subnets in two availability zones: give the network a second one."]
          : [],
    });

    this.targetGroup = new elb.ApplicationTargetGroup(this, "Targets", {
      vpc: network.vpc,
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

    if (settings.certificateArn === undefined)
      this.loadBalancer.addListener("Http", {
        port: 80,
        open: false,
        defaultTargetGroups: [this.targetGroup],
      });
    else {
      this.loadBalancer.addListener("Https", {
        port: 443,
        open: false,
        certificates: [elb.ListenerCertificate.fromArn(settings.certificateArn)],
        sslPolicy: elb.SslPolicy.RECOMMENDED_TLS,
        defaultTargetGroups: [this.targetGroup],
      });
      this.loadBalancer.addListener("Http", {
        port: 80,
        open: false,
        defaultAction: elb.ListenerAction.redirect({ protocol: "HTTPS", port: "443", permanent: true }),
      });
    }
    this.url = `${secure ? "https" : "http"}://${this.loadBalancer.loadBalancerDnsName}`;
  }

  /** Who called when. The bucket outlives the load balancer, and its contents expire. */
  #logAccess(): void {
    const bucket = new s3.Bucket(this, "AccessLogs", {
      // The one encryption that the log delivery can write with.
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [{ id: "ExpireLogs", expiration: Duration.days(ACCESS_LOG_DAYS) }],
    });
    acceptFindings(bucket, [
      { id: "AwsSolutions-S1", reason: "It is a bucket for logs: its own would fill another one." },
    ]);
    const { account } = Stack.of(this);
    bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: "AccessLogDelivery",
        principals: [new iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
        actions: ["s3:PutObject"],
        resources: [bucket.arnForObjects(`AWSLogs/${account}/*`)],
        conditions: {
          ArnLike: {
            "aws:SourceArn": Stack.of(this).formatArn({
              service: "elasticloadbalancing",
              resource: "loadbalancer",
              resourceName: "*",
            }),
          },
        },
      }),
    );
    this.loadBalancer.setAttribute("access_logs.s3.enabled", "true");
    this.loadBalancer.setAttribute("access_logs.s3.bucket", bucket.bucketName);
    // Creating the load balancer writes a test object: the policy must be there before.
    if (bucket.policy !== undefined) this.loadBalancer.node.addDependency(bucket.policy);
  }
}
