import { DescribeSecurityGroupsCommand, type IpPermission } from "@aws-sdk/client-ec2";
import {
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  type Listener,
  paginateDescribeRules,
  type Rule,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { SERVER } from "@dbward-aws/contract";
import { type ListenerSettings, regionOfArn, type StageSettings } from "@dbward-aws/settings";
import { type AwsClients, during, ifThere, type LiveStack, resourceIds } from "@dbward-aws/stage";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

const SETTING = "server.listener";

/**
 * An existing listener must be one that people can reach the server through: of the URL's protocol and port, on a load balancer in the
 * VPC of the stage with the security group that the server lets in, and with a free priority.
 */
export async function checkListener(
  settings: StageSettings,
  { account, region }: { readonly account: string; readonly region: string },
  stacks: readonly LiveStack[],
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const { listener: wanted } = settings.server;
  // A listener in another region is a mistake of the settings, which `regionProblems` reports.
  if (wanted === undefined || regionOfArn(wanted.arn) !== region) return;
  const what = `Listener ${wanted.arn} (${SETTING}.arn)`;
  const owner = wanted.arn.split(":")[4];
  if (owner !== account) {
    findings.refuse(`${what} is in account ${owner}, and the stage in ${account}: name a listener there`);
    return;
  }
  await unlessDenied(what, "elasticloadbalancing:DescribeListeners", findings, async () => {
    const answer = await ifThere(
      `Looking up listener ${wanted.arn}`,
      clients.loadBalancers.send(new DescribeListenersCommand({ ListenerArns: [wanted.arn] })),
      "ListenerNotFoundException",
      "LoadBalancerNotFoundException",
    );
    const found = answer?.Listeners?.[0];
    if (!found) {
      findings.refuse(`${what} doesn't exist`);
      return;
    }
    checkUrl(what, wanted, found, findings);
    await Promise.all([
      checkBalancer(settings, wanted, found, stacks, clients, findings),
      checkRules(what, wanted, stacks, clients, findings),
    ]);
  });
}

function checkUrl(
  what: string,
  { url }: ListenerSettings,
  { Protocol, Port }: Listener,
  findings: PreflightFindings,
): void {
  const { protocol, port } = new URL(url);
  const isSecure = protocol === "https:";
  if (Protocol !== (isSecure ? "HTTPS" : "HTTP"))
    findings.refuse(
      `${what} is ${Protocol}, and ${SETTING}.url is ${url}: ${
        isSecure
          ? "name the load balancer's HTTPS listener"
          : "write the URL with https://, or name the HTTP listener"
      }`,
    );
  const wantedPort = port === "" ? (isSecure ? 443 : 80) : Number(port);
  if (Port !== wantedPort)
    findings.warn(
      `${what} is on port ${Port}, and people are told ${url} (${SETTING}.url), which is port ${wantedPort}. Write the port, unless something in between translates it`,
    );
}

async function checkBalancer(
  settings: StageSettings,
  { url, securityGroupId }: ListenerSettings,
  { LoadBalancerArn: arn = "" }: Listener,
  stacks: readonly LiveStack[],
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const what = `The load balancer of ${SETTING}.arn`;
  const found = await unlessDenied(what, "elasticloadbalancing:DescribeLoadBalancers", findings, () =>
    ifThere(
      `Looking up load balancer ${arn}`,
      clients.loadBalancers.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [arn] })),
      "LoadBalancerNotFoundException",
    ),
  );
  const balancer = found?.LoadBalancers?.[0];
  if (!balancer) return;
  if (balancer.Scheme === "internet-facing" && url.startsWith("http:"))
    findings.refuse(
      `${what} is internet-facing, and ${SETTING}.url is ${url}: tokens would cross the internet in plain text. Name its HTTPS listener`,
    );
  const { SecurityGroups: groups = [] } = balancer;
  if (!groups.includes(securityGroupId))
    findings.refuse(
      `${what} doesn't have security group ${securityGroupId} (${SETTING}.securityGroupId), so it could not reach the server. It has ${groups.join(", ")}`,
    );
  await checkGroups(what, settings, groups, stacks, clients, findings);
}

/** The load balancer's security groups are in its VPC. They are not the deployment's, which opens no way out in them. */
async function checkGroups(
  what: string,
  settings: StageSettings,
  groups: readonly string[],
  stacks: readonly LiveStack[],
  { ec2 }: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  await unlessDenied(
    `The VPC and the way out of the load balancer of ${SETTING}.arn`,
    "ec2:DescribeSecurityGroups",
    findings,
    async () => {
      const { SecurityGroups = [] } = await during(
        `Looking up security groups ${groups.join(", ")}`,
        ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [...groups] })),
      );
      checkVpc(what, settings, SecurityGroups[0]?.VpcId, stacks, findings);
      const rules = SecurityGroups.flatMap(({ IpPermissionsEgress = [] }) => IpPermissionsEgress);
      if (!rules.some(coversServer))
        findings.warn(
          `No security group of the load balancer (${groups.join(", ")}) has an outbound rule for port ${SERVER.port}, so it can't connect to the server. ` +
            "Add one for the output ServerSecurityGroupId",
        );
    },
  );
}

function checkVpc(
  what: string,
  { network }: StageSettings,
  vpcId: string | undefined,
  stacks: readonly LiveStack[],
  findings: PreflightFindings,
): void {
  const deployed = resourceIds(
    stacks.find(({ id }) => id === "State"),
    "AWS::EC2::VPC",
  )[0];
  const wanted = network.kind === "existing" ? network.vpcId : deployed;
  if (wanted === vpcId) return;
  findings.refuse(
    wanted === undefined
      ? `${what} is in ${vpcId}, and the deployment creates another VPC for the stage: deploy into ${vpcId} (network.vpcId and network.subnets)`
      : `${what} is in ${vpcId}, and the stage in ${wanted}: name a listener there`,
  );
}

function coversServer({ IpProtocol, FromPort = 0, ToPort = 65_535 }: IpPermission): boolean {
  return (
    IpProtocol === "-1" ||
    (/^(tcp|6)$/.test(IpProtocol ?? "") && FromPort <= SERVER.port && SERVER.port <= ToPort)
  );
}

async function checkRules(
  what: string,
  { arn, url, priority }: ListenerSettings,
  stacks: readonly LiveStack[],
  { loadBalancers }: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const own = resourceIds(
    stacks.find(({ id }) => id === "Server"),
    "AWS::ElasticLoadBalancingV2::ListenerRule",
  );
  await unlessDenied(
    `The rules of ${SETTING}.arn`,
    "elasticloadbalancing:DescribeRules",
    findings,
    async () => {
      const others: Rule[] = [];
      const pages = paginateDescribeRules({ client: loadBalancers }, { ListenerArn: arn });
      await during(`Listing the rules of listener ${arn}`, collect(pages, others));
      const rules = others.filter(({ RuleArn = "", IsDefault }) => !IsDefault && !own.includes(RuleArn));
      const taken = new Set(rules.map(({ Priority }) => Number(Priority)));
      if (taken.has(priority))
        findings.refuse(
          `${what} has a rule of priority ${priority} (${SETTING}.priority): ${rules.find(({ Priority }) => Number(Priority) === priority)?.RuleArn}. ` +
            `Choose a free one, such as ${nextFree(priority, taken)}`,
        );
      const { hostname } = new URL(url);
      const before = rules.find((rule) => Number(rule.Priority) < priority && takesAll(rule, hostname));
      if (before)
        findings.refuse(
          `${what} has a rule before priority ${priority} that takes every request for ${hostname}: ${before.RuleArn}. Remove it, or choose a priority below ${before.Priority}`,
        );
    },
  );
}

async function collect(pages: AsyncIterable<{ Rules?: Rule[] | undefined }>, into: Rule[]): Promise<void> {
  for await (const { Rules = [] } of pages) into.push(...Rules);
}

/** Whether a rule looks at nothing but the host, and takes this one. */
function takesAll({ Conditions = [] }: Rule, host: string): boolean {
  return Conditions.every(
    ({ Field, HostHeaderConfig, Values = [] }) =>
      Field === "host-header" &&
      [...(HostHeaderConfig?.Values ?? []), ...Values].some((pattern) => matchesHost(pattern, host)),
  );
}

/** Patterns of hosts have `*` and `?`, and no upper and lower case. */
function matchesHost(pattern: string, host: string): boolean {
  const text = pattern.toLowerCase().replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${text.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(host);
}

function nextFree(priority: number, taken: ReadonlySet<number>): number {
  let free = priority;
  while (taken.has(free)) free = free < 50_000 ? free + 1 : 1;
  return free;
}
