import { securityGroupRules } from "@dbward-aws/settings";
import type { Template } from "aws-cdk-lib/assertions";
import { expect, it } from "vitest";
import { agentSettings, serverSettings, stageSettings } from "../test-support/settings.ts";
import { templates } from "../test-support/synth.ts";

/** Inbound and outbound rules of a group, those of other stacks included. */
function rulesOf(all: readonly Template[], home: Template, logicalId: RegExp) {
  const [[id, group]] = Object.entries(home.findResources("AWS::EC2::SecurityGroup")).filter(([name]) =>
    logicalId.test(name),
  ) as [[string, { Properties: Record<string, unknown[] | undefined> }]];
  const elsewhere = (type: string) =>
    all.flatMap((template) =>
      Object.values(template.findResources(type)).filter(({ Properties }) =>
        JSON.stringify(Properties.GroupId).includes(id),
      ),
    ).length;
  const { SecurityGroupIngress = [], SecurityGroupEgress = [] } = group.Properties;
  return {
    inbound: SecurityGroupIngress.length + elsewhere("AWS::EC2::SecurityGroupIngress"),
    outbound: SecurityGroupEgress.length + elsewhere("AWS::EC2::SecurityGroupEgress"),
  };
}

it("preflight counts the rules that the templates have", () => {
  const blocks = ["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"];
  const settings = stageSettings({
    server: serverSettings({
      allowedCidrs: blocks.slice(1),
      loadBalancer: {
        scheme: "internal",
        allowedCidrs: blocks,
        certificateArn:
          "arn:aws:acm:eu-central-1:111111111111:certificate/11111111-2222-3333-4444-555555555555",
      },
    }),
    capture: { method: "task", allowSessionLogging: false },
    agents: [
      agentSettings({
        databases: [
          { variable: "DATABASE_URL", urlSecret: "a", port: 5432, cidrs: blocks },
          { variable: "OTHER_URL", urlSecret: "b", port: 3306, securityGroupId: "sg-0123456789abcdef0" },
        ],
      }),
      agentSettings({ name: "payments" }),
    ],
  });
  const { server, agents, monitoring, state } = templates(settings);
  const all = [state, server, agents, monitoring];
  expect(
    securityGroupRules(settings, ["10.60.0.0/16"]).map(({ group, direction, rules }) => [
      group,
      direction,
      rules,
    ]),
  ).toEqual([
    ["the server", "inbound", rulesOf(all, server, /^ServerSecurityGroup/).inbound],
    ["the load balancer", "inbound", rulesOf(all, server, /^ServerLoadBalancerSecurityGroup/).inbound],
    ["agent app", "outbound", rulesOf(all, agents, /^Agentapp/).outbound],
    ["agent payments", "outbound", rulesOf(all, agents, /^Agentpayments/).outbound],
  ]);
});
