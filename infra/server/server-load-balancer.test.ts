import type { LoadBalancerSettings } from "@dbward-aws/settings";
import { describe, expect, it } from "vitest";
import { serverSettings } from "../test-support/settings.ts";
import { only, stage, templates } from "../test-support/synth.ts";

const CERTIFICATE = "arn:aws:acm:eu-central-1:111111111111:certificate/11111111-2222-3333-4444-555555555555";
const withBalancer = (loadBalancer: LoadBalancerSettings) =>
  templates({ server: serverSettings({ loadBalancer }) }).server;

const plain = withBalancer({ scheme: "internal", allowedCidrs: ["10.60.0.0/16"] });
const secure = withBalancer({
  scheme: "internet-facing",
  certificateArn: CERTIFICATE,
  allowedCidrs: ["198.51.100.0/24"],
});
const groupOf = (template: typeof plain) =>
  Object.values(template.findResources("AWS::EC2::SecurityGroup")).find(
    ({ Properties }) => Properties.GroupDescription === "Load balancer of the dbward server",
  )!.Properties;

describe("ALB", () => {
  it("EnableAlb: none unless asked for", () => {
    templates().server.resourceCountIs("AWS::ElasticLoadBalancingV2::LoadBalancer", 0);
    expect(stage().server.server.endpoint).toBe("http://server.dbward-test.internal:3000");
  });

  it("internet-facing, in public subnets, or internal, beside the tasks", () => {
    secure.hasResourceProperties("AWS::ElasticLoadBalancingV2::LoadBalancer", { Scheme: "internet-facing" });
    plain.hasResourceProperties("AWS::ElasticLoadBalancingV2::LoadBalancer", { Scheme: "internal" });
    const subnets = (template: typeof plain) =>
      JSON.stringify(only(template, "AWS::ElasticLoadBalancingV2::LoadBalancer").Subnets);
    expect(subnets(secure)).toContain("PublicSubnet1");
    expect(subnets(plain)).not.toContain("Public");
  });

  it("HTTP forwards without a certificate", () => {
    expect(only(plain, "AWS::ElasticLoadBalancingV2::Listener")).toMatchObject({
      Port: 80,
      Protocol: "HTTP",
      DefaultActions: [{ Type: "forward" }],
    });
  });

  it("or redirects to HTTPS when there is a certificate", () => {
    secure.hasResourceProperties("AWS::ElasticLoadBalancingV2::Listener", {
      Port: 80,
      DefaultActions: [
        { Type: "redirect", RedirectConfig: { Protocol: "HTTPS", Port: "443", StatusCode: "HTTP_301" } },
      ],
    });
  });

  it("TLS policy ELBSecurityPolicy-TLS13-1-2-2021-06", () => {
    secure.hasResourceProperties("AWS::ElasticLoadBalancingV2::Listener", {
      Port: 443,
      Protocol: "HTTPS",
      SslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
      Certificates: [{ CertificateArn: CERTIFICATE }],
    });
  });

  it("health by /ready", () => {
    plain.hasResourceProperties("AWS::ElasticLoadBalancingV2::TargetGroup", {
      HealthCheckPath: "/ready",
      Port: 3000,
      TargetType: "ip",
    });
  });

  it("drops invalid headers, and logs access to a private bucket", () => {
    const attributes = Object.fromEntries(
      only(plain, "AWS::ElasticLoadBalancingV2::LoadBalancer").LoadBalancerAttributes.map(
        ({ Key, Value }: { Key: string; Value: unknown }) => [Key, Value],
      ),
    );
    expect(attributes).toMatchObject({
      "routing.http.drop_invalid_header_fields.enabled": "true",
      "access_logs.s3.enabled": "true",
      "access_logs.s3.bucket": { "Fn::ImportValue": expect.stringMatching(/State:.*AccessLogsBucket/) },
    });
  });

  it("has the bucket of its log in the stack of the state, where a failed deployment of this one leaves it", () => {
    const loadBalancer = { scheme: "internal", allowedCidrs: [] } as const;
    const { state, server } = templates({ server: serverSettings({ loadBalancer }) });
    server.resourceCountIs("AWS::S3::Bucket", 0);
    const buckets = Object.entries(state.findResources("AWS::S3::Bucket"));
    expect(buckets.find(([id]) => id.startsWith("AccessLogs"))?.[1]).toMatchObject({
      DeletionPolicy: "RetainExceptOnCreate",
      UpdateReplacePolicy: "Retain",
    });
  });

  it("AllowedAlbIngressCidr: in from there alone; out to the server alone", () => {
    const { SecurityGroupIngress } = groupOf(secure);
    expect(
      SecurityGroupIngress.map(({ CidrIp, FromPort }: Record<string, unknown>) => [CidrIp, FromPort]),
    ).toEqual([
      ["198.51.100.0/24", 443],
      ["198.51.100.0/24", 80],
    ]);
    secure.hasResourceProperties("AWS::EC2::SecurityGroupEgress", { FromPort: 3000, ToPort: 3000 });
  });

  it("in: 3000 from the ALB", () => {
    const rule = Object.values(plain.findResources("AWS::EC2::SecurityGroupIngress")).find(
      ({ Properties }) => Properties.FromPort === 3000,
    );
    expect(rule!.Properties.SourceSecurityGroupId["Fn::GetAtt"][0]).toMatch(/^ServerLoadBalancer/);
  });

  it("needs two zones", () => {
    const network = { kind: "new", cidr: "10.60.0.0/16", availabilityZones: 1, egress: "nat" } as const;
    const loadBalancer = { scheme: "internal", allowedCidrs: [] } as const;
    expect(() => templates({ network, server: serverSettings({ loadBalancer }) })).toThrow(
      /two availability zones/,
    );
  });

  it("TransportSecurity says what protects the endpoint", () => {
    const value = (template: typeof plain, id: string) => JSON.stringify(template.findOutputs(id)[id]!.Value);
    expect(value(secure, "ServerEndpoint")).toContain("https://");
    expect(value(secure, "TransportSecurity")).toContain("TLS");
    expect(value(plain, "ServerEndpoint")).toContain("http://");
    expect(value(plain, "TransportSecurity")).toContain("Plain HTTP");
  });
});
