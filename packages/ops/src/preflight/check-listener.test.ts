import type { StageInput } from "@dbward-aws/settings";
import { describe, expect, it } from "vitest";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { describedNetwork, NETWORK } from "../test-support/network-answers.ts";
import { stageInput } from "../test-support/ops-run.ts";
import { check, mistakes } from "../test-support/preflight-run.ts";

const ACCOUNT = "123456789012";
const BALANCER = `arn:aws:elasticloadbalancing:eu-central-1:${ACCOUNT}:loadbalancer/app/platform/50dc6c495c0c9188`;
const ARN = `${BALANCER.replace(":loadbalancer/", ":listener/")}/f2f7dc8efc522ab2`;
const RULE = ARN.replace(":listener/", ":listener-rule/");
const LISTENER = {
  arn: ARN,
  securityGroupId: "sg-0123456789abcdef0",
  url: "https://dbward.example.com",
  priority: 100,
};

const changes = (listener: object = {}): Partial<StageInput> => ({
  network: NETWORK,
  server: { ...stageInput().server, listener: { ...LISTENER, ...listener } },
});
interface Found {
  readonly listener?: object;
  readonly balancer?: object;
  readonly rules?: readonly object[];
  readonly wayOut?: object;
  readonly vpcId?: string;
}
const account = ({ listener, balancer, rules = [], wayOut, vpcId = NETWORK.vpcId }: Found = {}): Answers => ({
  ...describedNetwork(),
  DescribeListeners: () => ({
    Listeners: [{ ListenerArn: ARN, LoadBalancerArn: BALANCER, Protocol: "HTTPS", Port: 443, ...listener }],
  }),
  DescribeLoadBalancers: () => ({
    LoadBalancers: [
      {
        LoadBalancerArn: BALANCER,
        Scheme: "internet-facing",
        SecurityGroups: [LISTENER.securityGroupId],
        ...balancer,
      },
    ],
  }),
  DescribeRules: () => ({ Rules: [{ Priority: "default", IsDefault: true }, ...rules] }),
  DescribeSecurityGroups: () => ({
    securityGroupInfo: [
      { groupId: LISTENER.securityGroupId, vpcId, ipPermissionsEgress: [wayOut ?? { ipProtocol: "-1" }] },
    ],
  }),
});
const rule = (Priority: string, id: string, ...hosts: string[]) => ({
  RuleArn: `${RULE}/${id}`,
  Priority,
  IsDefault: false,
  Conditions: hosts.length > 0 ? [{ Field: "host-header", HostHeaderConfig: { Values: hosts } }] : [],
});

describe("an existing listener", () => {
  it("passes when it is as a stage needs it", async () => {
    const rules = [rule("10", "a", "*.example.org"), rule("101", "b", "dbward.example.com")];
    expect((await check(changes(), account({ rules }))).warnings).toEqual([]);
    const tcp = { ipProtocol: "tcp", fromPort: "3000", toPort: "3000" };
    expect((await check(changes(), account({ wayOut: tcp }))).warnings).toEqual([]);
  });

  it.each<[string, object, Found, RegExp]>([
    [
      "HTTP",
      {},
      { listener: { Protocol: "HTTP" } },
      /is HTTP, and .* name the load balancer's HTTPS listener$/,
    ],
    [
      "HTTPS, and the URL is not",
      { url: "http://dbward.example.com:443" },
      { balancer: { Scheme: "internal" } },
      /is HTTPS, and .*url is http:.* write the URL with https/,
    ],
    [
      "HTTP on the internet",
      { url: "http://dbward.example.com" },
      { listener: { Protocol: "HTTP", Port: 80 } },
      /is internet-facing, and .* tokens would cross the internet in plain text/,
    ],
    [
      "in another VPC",
      {},
      { vpcId: "vpc-0fedcba9876543210" },
      /is in vpc-0fedcba9876543210, and the stage in vpc-.*: name a listener there/,
    ],
    [
      "without the security group",
      {},
      { balancer: { SecurityGroups: ["sg-0fedcba9876543210"] } },
      /doesn't have security group sg-0123456789abcdef0 .* It has sg-0fedcba9876543210$/,
    ],
    [
      "of a priority that is taken",
      {},
      { rules: [rule("100", "a", "a.example.com"), rule("101", "b", "b.example.com")] },
      /has a rule of priority 100 .*\/a\. Choose a free one, such as 102$/,
    ],
    [
      "with a rule before that takes the host",
      {},
      { rules: [rule("7", "a", "x.example.com", "*.Example.com")] },
      /before priority 100 that takes every request for dbward\.example\.com: .*\/a\. Remove it, or choose a priority below 7$/,
    ],
    ["with a rule before that takes all", {}, { rules: [rule("7", "a")] }, /that takes every request/],
  ])("is refused when it is %s", async (_title, listener, found, words) => {
    expect(await mistakes(changes(listener), account(found))).toEqual([expect.stringMatching(words)]);
  });

  it("is refused when it is not there or in another account", async () => {
    const DescribeListeners = () => {
      throw new AwsFault("ListenerNotFound", "One or more listeners not found");
    };
    expect(await mistakes(changes(), { ...account(), DescribeListeners })).toEqual([
      `Listener ${ARN} (server.listener.arn) doesn't exist`,
    ]);
    const arn = ARN.replace(ACCOUNT, "999999999999");
    expect(await mistakes(changes({ arn }), account())).toEqual([
      expect.stringMatching(/is in account 999999999999, and the stage in 123456789012/),
    ]);
  });

  it("is refused for a VPC that would be a new one", async () => {
    const { network: _, ...others } = changes();
    expect(await mistakes(others, account())).toEqual([
      expect.stringMatching(/the deployment creates another VPC for the stage: deploy into vpc-/),
    ]);
  });

  it("is warned of when its load balancer can't connect to the server, or has another port", async () => {
    const wayOut = { ipProtocol: "tcp", fromPort: "443", toPort: "443" };
    expect((await check(changes(), account({ wayOut }))).warnings).toEqual([
      expect.stringMatching(/has an outbound rule for port 3000/),
    ]);
    expect((await check(changes(), account({ listener: { Port: 8443 } }))).warnings).toEqual([
      expect.stringMatching(/is on port 8443, and people are told https:.* which is port 443/),
    ]);
    const url = "https://dbward.example.com:8443";
    expect((await check(changes({ url }), account({ listener: { Port: 8443 } }))).warnings).toEqual([]);
  });

  it("is not checked without the right to see it", async () => {
    const denied = () => {
      throw new AwsFault("AccessDenied", "not authorized");
    };
    const none = { DescribeListeners: denied, DescribeLoadBalancers: denied, DescribeRules: denied };
    expect((await check(changes(), { ...account(), ...none })).warnings).toEqual([
      expect.stringMatching(/^Listener .* was not checked: .*elasticloadbalancing:DescribeListeners/),
    ]);
    const { DescribeListeners: _, ...others } = none;
    expect((await check(changes(), { ...account(), ...others })).warnings).toEqual([
      expect.stringMatching(/^The load balancer of .* was not checked/),
      expect.stringMatching(/^The rules of .* were not checked|^The rules of .* was not checked/),
    ]);
  });
});
