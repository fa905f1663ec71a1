import { APP_NAME } from "@dbward-aws/contract";
import { App } from "aws-cdk-lib";
import { describe, expect, it } from "vitest";
import { stageSettings } from "../test-support/settings.ts";
import { REGION } from "../test-support/synth.ts";
import { VARIANTS } from "../test-support/variants.ts";
import { DbwardStage } from "./dbward-stage.ts";

/** One name is the beginning of the other: a pattern or a prefix of the first must not reach the second. */
const STAGES = ["prod", "prod-eu"] as const;

/** Properties that name a resource within the account and region, by type. */
const NAMES: Readonly<Record<string, string>> = {
  "AWS::CloudWatch::Alarm": "AlarmName",
  "AWS::CloudWatch::CompositeAlarm": "AlarmName",
  "AWS::CloudWatch::Dashboard": "DashboardName",
  "AWS::ECS::Cluster": "ClusterName",
  "AWS::ECS::TaskDefinition": "Family",
  "AWS::EC2::SecurityGroup": "GroupName",
  "AWS::Events::Rule": "Name",
  "AWS::IAM::Role": "RoleName",
  "AWS::KMS::Alias": "AliasName",
  "AWS::Lambda::Function": "FunctionName",
  "AWS::Logs::LogGroup": "LogGroupName",
  "AWS::S3::Bucket": "BucketName",
  "AWS::SecretsManager::Secret": "Name",
  "AWS::ServiceDiscovery::PrivateDnsNamespace": "Name",
  "AWS::SNS::Topic": "TopicName",
  "AWS::SSM::Parameter": "Name",
  "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
  "AWS::ElasticLoadBalancingV2::TargetGroup": "Name",
};

/** What a role of one stage may do with things of every stage, since AWS knows no narrower way, or since they belong to none. */
const SHARED_RIGHTS = [
  // Has no resource.
  /^ecr:GetAuthorizationToken /,
  // The channels of ECS Exec have no resource.
  /^ssmmessages:/,
  // The ids of the sessions of ECS Exec name no cluster.
  /^ssm:(Resume|Terminate)Session .*:session\/ecs-execute-command-\* /,
  // Ids of tasks name no service: in a shared cluster, the cluster and the container's name bound these.
  /^ecs:ListTasks \* .*:cluster\/shared"/,
  /^ecs:(DescribeTasks|DescribeClusters|ExecuteCommand) \S*:(task\/shared\/\*|cluster\/shared) /,
  // What both stages' settings name: the URLs of databases, repositories of images, and keys.
  /:secret:dbward\/(database-url|app|reports|slack)-\?{6} /,
  /:repository\/(server|agent|cache\/dbward-(server|agent)) /,
  /:key\/11111111-2222-3333-4444-00000000000[245] /,
  // What a function in a VPC needs has no resource that is known beforehand.
  /^ec2:/,
  // The configurations in SSM that both stages' settings name.
  /:parameter\/dbward\/(server|agent)-config /,
  // Has no resource, and a task definition holds no secret.
  /^ecs:DescribeTaskDefinition /,
  // What a restore creates has no id beforehand.
  /^(elasticfilesystem:(CreateFileSystem|DescribeFileSystems|Restore|TagResource)|tag:GetResources) /,
  // The key of a file system that exists already is known to EFS alone.
  /^kms:.*:key\/\* .*(kms:ViaService|kms:GrantIsForAWSResource)/,
  // The poller's namespace is one for all stages; its metrics have the stage as a dimension.
  /^cloudwatch:PutMetricData .*cloudwatch:namespace/,
];

// biome-ignore lint/suspicious/noExplicitAny: a template is untyped JSON
type Json = any;
interface Deployed {
  readonly stack: string;
  readonly id: string;
  readonly type: string;
  readonly properties: Json;
}

/** The resources of a stage; what refers to a resource has its stack's name in it. */
function resourcesOf(stage: string, settings: object): Deployed[] {
  const app = new App();
  new DbwardStage(app, { settings: stageSettings({ ...settings, stage }), region: REGION });
  return app.synth().stacks.flatMap(({ stackName, template }) =>
    Object.entries(template.Resources as Record<string, { Type: string; Properties?: Json }>).map(
      ([id, { Type, Properties = {} }]) => ({
        stack: stackName,
        id,
        type: Type,
        properties: inWords(Properties, stackName),
      }),
    ),
  );
}

/** Intrinsic functions as text: `${STACK.ID}` for a resource, `${AWS::Region}` for a pseudo parameter. */
function inWords(value: Json, stack: string): Json {
  if (Array.isArray(value)) return value.map((each) => inWords(each, stack));
  if (typeof value !== "object" || value === null) return value;
  const [[key, argument] = ["", undefined], ...others] = Object.entries<Json>(value);
  if (others.length === 0) {
    if (key === "Ref") return argument.startsWith("AWS::") ? `\${${argument}}` : `\${${stack}.${argument}}`;
    if (key === "Fn::GetAtt") return `\${${stack}.${[argument].flat().join(".")}}`;
    if (key === "Fn::ImportValue") return `\${${argument}}`;
    if (key === "Fn::Join")
      return inWords(argument[1], stack)
        .map((each: Json) => (typeof each === "string" ? each : JSON.stringify(each)))
        .join(argument[0]);
  }
  return Object.fromEntries(Object.entries<Json>(value).map(([name, each]) => [name, inWords(each, stack)]));
}

function namesOf(resources: readonly Deployed[]): string[] {
  return resources.flatMap(({ type, properties }) => {
    const name = properties[NAMES[type] ?? ""];
    return name === undefined ? [] : [`${type} ${name}`];
  });
}

/** Metrics that alarms and dashboards look at: namespace, name and dimensions. */
function metricsOf(resources: readonly Deployed[]): string[] {
  return resources.flatMap(({ type, properties }) => {
    if (type === "AWS::CloudWatch::Alarm") {
      const metrics = properties.Metrics?.flatMap((one: Json) => one.MetricStat?.Metric ?? []) ?? [
        properties,
      ];
      return metrics.map(({ Namespace, MetricName, Dimensions = [] }: Json) =>
        JSON.stringify([
          Namespace,
          MetricName,
          ...Dimensions.flatMap(({ Name, Value }: Json) => [Name, Value]),
        ]),
      );
    }
    if (type !== "AWS::CloudWatch::Dashboard") return [];
    return JSON.parse(properties.DashboardBody).widgets.flatMap(({ properties: { metrics = [] } }: Json) =>
      metrics
        .filter(([first]: Json[]) => typeof first === "string")
        .map((metric: Json[]) => JSON.stringify(metric.filter((part) => typeof part === "string"))),
    );
  });
}

/** What roles may do, a line for each action and resource. */
function rightsOf(resources: readonly Deployed[]): string[] {
  const documents = resources.flatMap(({ type, properties }) => {
    if (type === "AWS::IAM::Role")
      return (properties.Policies ?? []).map(({ PolicyDocument }: Json) => PolicyDocument);
    return /^AWS::IAM::(Managed)?Policy$/.test(type) ? [properties.PolicyDocument] : [];
  });
  return documents.flatMap(({ Statement }) =>
    Statement.filter(({ Effect }: Json) => Effect === "Allow").flatMap(
      ({ Action, Resource, Condition = {} }: Json) =>
        [Action]
          .flat()
          .flatMap((action: string) =>
            [Resource].flat().map((resource: string) => `${action} ${resource} ${JSON.stringify(Condition)}`),
          ),
    ),
  );
}

/** The settings of a stage without what it shares by its own settings, such as an existing file system. */
const OWN = Object.entries(VARIANTS).filter(([name]) => !/existing|manual|customer's|SSM/.test(name));

describe.each(OWN)("two stages of one account, with %s", (_name, settings) => {
  const [first, second] = STAGES.map((stage) => resourcesOf(stage, settings)) as [Deployed[], Deployed[]];
  const shared = (of: (resources: readonly Deployed[]) => string[]) => {
    const others = new Set(of(second));
    return [...new Set(of(first))].filter((each) => others.has(each));
  };

  it("share no name", () => {
    expect(namesOf(first).length).toBeGreaterThan(20);
    expect(shared(namesOf)).toEqual([]);
  });

  it("share no metric", () => {
    expect(metricsOf(first).length).toBeGreaterThan(20);
    expect(shared(metricsOf)).toEqual([]);
  });

  it("share no right but those that name no resource", () => {
    expect(rightsOf(first).length).toBeGreaterThan(20);
    expect(shared(rightsOf).filter((right) => !SHARED_RIGHTS.some((known) => known.test(right)))).toEqual([]);
  });

  it("reach nothing of each other by a pattern", () => {
    const patterns = rightsOf(first)
      .map((right) => right.split(" ")[1]!)
      .filter((resource) => resource.includes("*") && resource !== "*");
    const theirs = namesOf(second).map((named) => named.split(" ")[1]!);
    for (const pattern of patterns) {
      const [, name = ""] = /(?:[:/])([^:]*\*.*)$/.exec(pattern) ?? [];
      const matcher = new RegExp(
        `^${name
          .split("*")
          .map((part) => part.replace(/[.$^{}()|[\]\\+?]/g, "\\$&"))
          .join(".*")}$`,
      );
      if (name.includes(APP_NAME)) expect(theirs.filter((one) => matcher.test(one))).toEqual([]);
    }
  });
});
