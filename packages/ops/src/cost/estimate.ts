import {
  APPLY_ENVIRONMENT,
  describeHours,
  MONITORING_LEVELS,
  metricsOf,
  PER_AGENT_METRICS,
  POLLER_ENVIRONMENT,
  shareOfWeek,
  TOKEN_CHECK_ENVIRONMENT,
  type WorkingHours,
} from "@dbward-aws/contract";
import {
  APPLY_RUNS_OF_A_MONTH as APPLY_RUNS,
  POLLS_OF_A_MONTH as POLLS,
  PRICES,
  TOKEN_CHECKS,
} from "./prices.ts";

/** A CloudFormation template, as far as the estimate reads it. */
export interface Template {
  readonly Resources?: Readonly<Record<string, Resource>>;
}

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

/** One line of an estimate. */
export interface CostItem {
  /** `network`, `state`, `load balancer`, `server`, `agents`, `new values` or `monitoring`. */
  readonly part: string;
  readonly item: string;
  /** USD a month. */
  readonly usd: number;
}

/** What a stage costs a month when nobody uses it. */
export interface Estimate {
  /** Sum of the parts in USD, to the cent. */
  readonly total: number;
  readonly parts: readonly { readonly part: string; readonly usd: number }[];
  readonly items: readonly CostItem[];
}

/** What an estimate takes for granted, as sentences. @param hours hours in which the stage runs. @default - always */
export function assumptions(hours?: WorkingHours): readonly string[] {
  return [
    ...ASSUMPTIONS,
    ...(hours
      ? [
          `The stage runs ${describeHours(hours)}, ${Math.round(shareOfWeek(hours) * HOURS)} hours a month. Without tasks it costs neither them ` +
            "nor their addresses, and without polls no custom metrics; all else is there all the time.",
        ]
      : []),
  ];
}

const ASSUMPTIONS: readonly string[] = [
  `List prices of ${PRICES.region} of ${PRICES.date}, on demand, without other free tiers, discounts and taxes; other regions differ.`,
  `A month has ${PRICES.hoursPerMonth} hours, and nobody uses dbward: no data transfer, no requests, no task logs, no scans of flow logs.`,
  `Fargate Spot at ${PRICES.fargate.spotShare * 100} % of the price on demand, its least; it changes with supply.`,
  `The dashboard is one of the first three of the account, which are free; a further one costs ${PRICES.dashboardMonth} USD.`,
  "The file system, its backups and each bucket hold 1 GiB.",
];

const { hoursPerMonth: HOURS } = PRICES;

/** The parts, in the order in which they are shown. */
const PARTS = ["network", "state", "load balancer", "server", "agents", "new values", "monitoring"] as const;

/**
 * Estimates what a stage costs a month.
 *
 * @param templates templates of the stacks by their names, such as `prod-dbward-State`
 * @param hours hours in which the stage runs. @default - always
 */
export function estimateCost(templates: ReadonlyMap<string, Template>, hours?: WorkingHours): Estimate {
  const share = hours ? shareOfWeek(hours) : 1;
  const all: CostItem[] = [];
  for (const [stack, { Resources = {} }] of templates) {
    const part = partOfStack(stack);
    const counted = new Map<string, CostItem & { readonly count: number }>();
    for (const resource of Object.values(Resources))
      for (const found of itemsOf(resource, Resources, share)) {
        const key = `${found.part ?? part} ${found.item}`;
        const before = counted.get(key);
        counted.set(key, {
          part: found.part ?? part,
          item: found.item,
          usd: (before?.usd ?? 0) + found.usd,
          count: (before?.count ?? 0) + (found.count ?? 1),
        });
      }
    for (const { part: of, item, usd, count } of counted.values())
      all.push({ part: of, item: count === 1 ? item : `${count} x ${item}`, usd: cents(usd) });
  }
  const items = all.filter(({ usd }) => usd > 0);
  const parts = PARTS.map((part) => ({
    part,
    usd: cents(items.filter((item) => item.part === part).reduce((sum, { usd }) => sum + usd, 0)),
  })).filter(({ usd }) => usd > 0);
  return { total: cents(parts.reduce((sum, { usd }) => sum + usd, 0)), parts, items };
}

function cents(usd: number): number {
  return Math.round(usd * 100) / 100;
}

function partOfStack(stack: string): string {
  const id = stack.split("-").at(-1)!.toLowerCase();
  return (PARTS as readonly string[]).includes(id) ? id : "state";
}

interface Found {
  readonly item: string;
  readonly usd: number;
  /** @default - that of the stack */
  readonly part?: string;
  /** How many of the item. @default 1 */
  readonly count?: number;
}

/** @param share of the time in which the stage runs */
function itemsOf(
  { Type, Properties = {} }: Resource,
  all: Readonly<Record<string, Resource>>,
  share: number,
): Found[] {
  const { storageGibMonth: gib, vpc } = PRICES;
  switch (Type) {
    case "AWS::EC2::NatGateway":
      return [{ part: "network", item: "NAT gateway", usd: vpc.natGatewayHour * HOURS }];
    case "AWS::EC2::EIP":
      return [publicAddresses(1)];
    case "AWS::EC2::VPCEndpoint": {
      if (Properties.VpcEndpointType !== "Interface") return [];
      const zones = listOf(Properties.SubnetIds).length;
      const usd = zones * vpc.interfaceEndpointHour * HOURS;
      return [{ part: "network", item: "interface endpoint, one zone", usd, count: zones }];
    }
    case "AWS::EFS::FileSystem":
      return [{ part: "state", item: "file system, 1 GiB", usd: gib.efs }];
    case "AWS::Backup::BackupPlan":
      return [{ part: "state", item: "backups, 1 GiB", usd: gib.backup }];
    case "AWS::S3::Bucket":
      return [{ part: "state", item: "bucket, 1 GiB", usd: gib.s3 }];
    case "AWS::SecretsManager::Secret":
      return [{ item: "secret", usd: PRICES.secretMonth }];
    case "AWS::KMS::Key":
      return [{ item: "key", usd: PRICES.kmsKeyMonth }];
    case "AWS::ServiceDiscovery::PrivateDnsNamespace":
      return [{ item: "private DNS zone", usd: PRICES.hostedZoneMonth }];
    case "AWS::ElasticLoadBalancingV2::LoadBalancer": {
      const isPublic = Properties.Scheme !== "internal";
      const zones = listOf(Properties.Subnets).length;
      return [
        { part: "load balancer", item: "load balancer", usd: PRICES.loadBalancerHour * HOURS },
        ...(isPublic ? [{ ...publicAddresses(zones), part: "load balancer" }] : []),
      ];
    }
    case "AWS::ECS::Service":
      return tasks(Properties, all).map((found) => ({ ...found, usd: found.usd * share }));
    case "AWS::Lambda::Function":
      return scheduledFunction(Properties, share);
    case "AWS::CloudWatch::Alarm": {
      const metrics =
        listOf(Properties.Metrics).filter((metric) => "MetricStat" in fieldsOf(metric)).length || 1;
      return [{ item: "metric of an alarm", usd: metrics * PRICES.alarmMetricMonth, count: metrics }];
    }
    case "AWS::CloudWatch::CompositeAlarm":
      return [{ item: "composite alarm", usd: PRICES.compositeAlarmMonth }];
    default:
      return [];
  }
}

function publicAddresses(count: number): Found {
  const usd = count * PRICES.vpc.publicIpv4Hour * HOURS;
  return { part: "network", item: "public IPv4 address", usd, count };
}

/** Fargate tasks of a service, with their public addresses. */
function tasks(service: Readonly<Record<string, unknown>>, all: Readonly<Record<string, Resource>>): Found[] {
  const count = Number(service.DesiredCount ?? 1);
  const definition = all[String(fieldsOf(service.TaskDefinition).Ref)]?.Properties ?? {};
  const isArm = fieldsOf(definition.RuntimePlatform).CpuArchitecture === "ARM64";
  const { fargate } = PRICES;
  const [vcpu, memory] = [Number(definition.Cpu ?? 256) / 1024, Number(definition.Memory ?? 512) / 1024];
  const hour = isArm
    ? vcpu * fargate.armVcpuHour + memory * fargate.armGibHour
    : vcpu * fargate.x86VcpuHour + memory * fargate.x86GibHour;
  if (count === 0) return [];
  const isSpot = listOf(service.CapacityProviderStrategy).some(
    (each) => fieldsOf(each).CapacityProvider === "FARGATE_SPOT",
  );
  const usd = count * hour * HOURS * (isSpot ? fargate.spotShare : 1);
  const item = `Fargate${isSpot ? " Spot" : ""} task, ${vcpu} vCPU, ${memory} GiB`;
  const network = fieldsOf(fieldsOf(service.NetworkConfiguration).AwsvpcConfiguration);
  return [{ item, usd, count }, ...(network.AssignPublicIp === "ENABLED" ? [publicAddresses(count)] : [])];
}

/**
 * A function that runs on a schedule, with the metrics that it publishes; others run at deployments only.
 *
 * @param share of the time in which the stage has tasks: only then the poller runs
 */
function scheduledFunction(properties: Readonly<Record<string, unknown>>, share: number): Found[] {
  const variables = fieldsOf(fieldsOf(properties.Environment).Variables);
  if (variables[APPLY_ENVIRONMENT.secrets] !== undefined) return [applier(properties, variables)];
  if (variables[POLLER_ENVIRONMENT.publisher] === undefined) return [];
  if (variables[POLLER_ENVIRONMENT.tokenSecret] === undefined) return [tokenCheck(properties, variables)];
  return poller(properties, variables).map((found) => ({ ...found, usd: found.usd * share }));
}

/** What a run of so many seconds costs. */
function runOf(seconds: number, { MemorySize, Architectures }: Readonly<Record<string, unknown>>): number {
  const { lambda } = PRICES;
  const gibSecond = listOf(Architectures).includes("arm64") ? lambda.armGibSecond : lambda.x86GibSecond;
  return seconds * (Number(MemorySize ?? 128) / 1024) * gibSecond + lambda.call;
}

/** A metric costs its share for each hour in which it is published: for these, one a day. */
function tokenCheck(
  properties: Readonly<Record<string, unknown>>,
  variables: Readonly<Record<string, unknown>>,
): Found {
  const rotates = variables[TOKEN_CHECK_ENVIRONMENT.rotateAfterDays] !== undefined;
  const runs = (HOURS / 24) * (rotates ? 25 : 1);
  const tokens = agentsIn(variables) + 2;
  const metrics = rotates ? 3 : 2;
  const usd =
    runs *
      (runOf(TOKEN_CHECKS.secondsOfOne, properties) +
        tokens * TOKEN_CHECKS.callsForOne * PRICES.secretsManagerCall) +
    (metrics * PRICES.customMetricMonth) / 24;
  return { item: "check of the tokens", usd };
}

/** The function that takes changed values to the tasks: it looks for them all the time. */
function applier(
  properties: Readonly<Record<string, unknown>>,
  variables: Readonly<Record<string, unknown>>,
): Found {
  const secrets =
    variables[APPLY_ENVIRONMENT.secrets] === "none" ? 0 : agentsIn(variables) * APPLY_RUNS.secretsOfAnAgent;
  const run = runOf(APPLY_RUNS.secondsOfOne, properties) + secrets * PRICES.secretsManagerCall;
  const log = (APPLY_RUNS.logBytesOfOne / 1e9) * PRICES.logIngestedGb;
  return {
    part: "new values",
    item: "function, one call every 5 minutes",
    usd: APPLY_RUNS.count * (run + log),
  };
}

/** How many agents a function knows. */
function agentsIn(variables: Readonly<Record<string, unknown>>): number {
  return String(variables[POLLER_ENVIRONMENT.agents] ?? variables[APPLY_ENVIRONMENT.agents] ?? "")
    .split(",")
    .filter(Boolean).length;
}

function poller(
  properties: Readonly<Record<string, unknown>>,
  variables: Readonly<Record<string, unknown>>,
): Found[] {
  const publisher = variables[POLLER_ENVIRONMENT.publisher];
  const run = runOf(POLLS.secondsOfOne, properties);
  const logBytes = publisher === "emf" ? POLLS.logBytesOfOne.emf : POLLS.logBytesOfOne.api;
  const ownMetrics = Number(variables[POLLER_ENVIRONMENT.perAgentMetrics] ?? 0);
  const level = MONITORING_LEVELS.find((each) => each === variables[POLLER_ENVIRONMENT.level]) ?? "essential";
  const metrics =
    metricsOf(level).length + Math.min(ownMetrics, agentsIn(variables)) * PER_AGENT_METRICS.length;
  return [
    { item: "custom metric", usd: metrics * PRICES.customMetricMonth, count: metrics },
    ...(publisher === "emf"
      ? []
      : [{ item: "calls of PutMetricData", usd: POLLS.count * PRICES.putMetricDataCall }]),
    { item: "poller's function, one call a minute", usd: POLLS.count * run },
    { item: "poller's log", usd: ((POLLS.count * logBytes) / 1e9) * PRICES.logIngestedGb },
  ];
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
