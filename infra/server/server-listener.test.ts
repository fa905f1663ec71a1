import { type App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { describe, expect, it } from "vitest";
import { InvalidPropsError } from "../prop-problems.ts";
import { foreignServer, foreignStack } from "../test-support/foreign.ts";
import { serverSettings, stageSettings } from "../test-support/settings.ts";
import { only, stage, templates } from "../test-support/synth.ts";

const ARN =
  "arn:aws:elasticloadbalancing:eu-central-1:111111111111:listener/app/platform/50dc6c495c0c9188/f2f7dc8efc522ab2";
const GROUP = "sg-0123456789abcdef0";
const LISTENER = { arn: ARN, securityGroupId: GROUP, url: "https://dbward.example.com:8443", priority: 100 };
const behind = (listener: Partial<typeof LISTENER> = {}) => ({
  server: serverSettings({ listener: { ...LISTENER, ...listener } }),
  monitoring: { ...stageSettings().monitoring, level: "full" as const },
});
const { server, monitoring, state } = templates(behind());
const idOf = (template: Template, type: string) => Object.keys(template.findResources(type));
const TARGETS = "AWS::ElasticLoadBalancingV2::TargetGroup";
const RULE = "AWS::ElasticLoadBalancingV2::ListenerRule";

describe("a server behind an existing listener", () => {
  it("gets the requests for the URL's host", () => {
    expect(only(server, RULE)).toEqual({
      ListenerArn: ARN,
      Priority: 100,
      Conditions: [{ Field: "host-header", HostHeaderConfig: { Values: ["dbward.example.com"] } }],
      Actions: [{ Type: "forward", TargetGroupArn: { Ref: idOf(server, TARGETS)[0] } }],
    });
    expect(stage(behind()).server.server.endpoint).toBe("https://dbward.example.com:8443");
  });

  it("is the same target as behind a load balancer of its own", () => {
    const own = templates({ server: serverSettings({ loadBalancer: { scheme: "internal" } }) }).server;
    expect(only(server, TARGETS)).toEqual(only(own, TARGETS));
    const [service, ofOwn] = [server, own].map((template) => only(template, "AWS::ECS::Service"));
    expect(service!.HealthCheckGracePeriodSeconds).toBe(ofOwn!.HealthCheckGracePeriodSeconds);
    expect(service!.LoadBalancers).toEqual([
      { ContainerName: "server", ContainerPort: 3000, TargetGroupArn: { Ref: idOf(server, TARGETS)[0] } },
    ]);
    // ECS takes no target group that is at no load balancer.
    const [{ DependsOn }] = Object.values(server.findResources("AWS::ECS::Service")) as [
      { DependsOn: string[] },
    ];
    expect(DependsOn).toContain(idOf(server, RULE)[0]);
  });

  it("lets the load balancer's security group in, and changes nothing in it", () => {
    const rules = Object.values(server.findResources("AWS::EC2::SecurityGroupIngress")).map(
      ({ Properties }) => Properties,
    );
    expect(rules.filter(({ SourceSecurityGroupId }) => SourceSecurityGroupId === GROUP)).toEqual([
      expect.objectContaining({ FromPort: 3000, ToPort: 3000, IpProtocol: "tcp" }),
    ]);
    expect(rules.filter(({ GroupId }) => GroupId === GROUP)).toEqual([]);
    expect(JSON.stringify(server.findResources("AWS::EC2::SecurityGroupEgress"))).not.toContain(GROUP);
  });

  it("has no load balancer, no listener and no bucket for access logs", () => {
    for (const type of ["LoadBalancer", "Listener"])
      server.resourceCountIs(`AWS::ElasticLoadBalancingV2::${type}`, 0);
    expect(idOf(state, "AWS::S3::Bucket")).toEqual(idOf(templates().state, "AWS::S3::Bucket"));
  });

  it("is watched by what is its own on the load balancer", () => {
    const alarms = JSON.stringify(monitoring.findResources("AWS::CloudWatch::Alarm"));
    expect(alarms).toContain('"Name":"LoadBalancer","Value":"app/platform/50dc6c495c0c9188"');
    for (const metric of ["UnHealthyHostCount", "HTTPCode_Target_5XX_Count", "TargetResponseTime"])
      expect(alarms).toContain(`"MetricName":"${metric}"`);
    // Those are the errors of all its services.
    expect(alarms).not.toContain("HTTPCode_ELB_5XX_Count");
    expect(alarms).toContain('"MetricName":"TargetConnectionErrorCount"');
    expect(JSON.stringify(monitoring.findResources("AWS::CloudWatch::Dashboard"))).toContain(
      "failed connections",
    );
  });

  it("has another target group at another load balancer, and the same one at another listener of it", () => {
    const idsOf = (settings: object) => idOf(templates(settings).server, TARGETS);
    const here = idsOf(behind());
    expect(idsOf(behind({ arn: ARN.replace("f2f7dc8efc522ab2", "0123456789abcdef"), priority: 7 }))).toEqual(
      here,
    );
    const others = [
      behind({ arn: ARN.replace("platform", "other") }),
      { server: serverSettings({ loadBalancer: { scheme: "internal" } }) },
      { server: serverSettings({ loadBalancer: { scheme: "internet-facing" } }) },
    ];
    const all = [here, ...others.map(idsOf)].flat();
    expect(new Set(all).size).toBe(4);
  });
});

describe("the prop `listener`", () => {
  it("takes a listener of the same app", () => {
    const foreign = foreignStack();
    const platform = new Stack(foreign.stack.node.root as App, "Edge", {
      env: { region: "eu-central-1", account: "111122223333" },
    });
    const vpc = ec2.Vpc.fromVpcAttributes(platform, "Vpc", {
      vpcId: "vpc-0123456789abcdef0",
      availabilityZones: ["eu-central-1a", "eu-central-1b"],
      publicSubnetIds: ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"],
    });
    const listener = new elb.ApplicationLoadBalancer(platform, "Alb", { vpc }).addListener("Http", {
      port: 80,
      open: false,
      defaultAction: elb.ListenerAction.fixedResponse(404),
    });
    const created = foreignServer(foreign, {
      listener: { listener, url: "http://dbward.internal", priority: 1 },
    });
    expect(created.endpoint).toBe("http://dbward.internal");
    const template = Template.fromStack(foreign.stack);
    template.hasResourceProperties(RULE, { Priority: 1 });
    expect(foreign.stack.resolve(created.loadBalancerFullName)).toMatchObject({
      "Fn::Join": ["/", expect.any(Array)],
    });
  });

  it("is refused with everything that is wrong", () => {
    const foreign = foreignStack();
    const listener = elb.ApplicationListener.fromApplicationListenerAttributes(foreign.stack, "Listener", {
      listenerArn: ARN,
      securityGroup: ec2.SecurityGroup.fromSecurityGroupId(foreign.stack, "Group", GROUP),
    });
    const problems = (props: Parameters<typeof foreignServer>[1]) => {
      try {
        foreignServer(foreign, props);
      } catch (error) {
        if (error instanceof InvalidPropsError) return error.message;
        throw error;
      }
      return "";
    };
    const url = "https://dbward.example.com/x";
    expect(problems({ listener: { listener, url, priority: 0 } })).toMatch(
      /url must be https:\/\/HOST .*not https:\/\/dbward\.example\.com\/x[\s\S]*priority must be 1 to 50000, not 0/,
    );
    const both = { listener: { listener, url: "https://a.example", priority: 1 }, loadBalancer: {} };
    const other = foreignStack();
    expect(() => foreignServer(other, both)).toThrow(/listener can't be given together with loadBalancer/);
  });
});
