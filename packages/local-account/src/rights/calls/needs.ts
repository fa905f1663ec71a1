import { TARGETS } from "../../account/index.ts";
import { arnOf, type Call, type NeedsOf, text, texts } from "./call.ts";
import { ecsNeeds, passRole } from "./ecs.ts";
import { logsNeeds } from "./logs.ts";
import { s3Needs } from "./s3.ts";
import { secretsManagerNeeds, ssmNeeds } from "./secrets.ts";

const cloudWatchNeeds: NeedsOf = async (call) => {
  if (ALARM_CALLS.has(call.operation ?? ""))
    return [...texts(call, "AlarmNames"), text(call, "AlarmName")].flatMap((name) =>
      name === undefined
        ? []
        : {
            action: `cloudwatch:${call.operation}`,
            resource: arnOf(call.place, "cloudwatch", `alarm:${name}`),
          },
    );
  if (call.operation !== "PutMetricData") return undefined;
  const namespace = text(call, "Namespace") ?? "";
  return [
    { action: "cloudwatch:PutMetricData", resource: "*", context: { "cloudwatch:namespace": namespace } },
  ];
};

/** What working hours do to alarms. */
const ALARM_CALLS: ReadonlySet<string> = new Set([
  "DisableAlarmActions",
  "EnableAlarmActions",
  "SetAlarmState",
]);

const eventsNeeds: NeedsOf = async (call) => {
  const rule = text(call, "Name");
  return rule !== undefined && /^(Disable|Enable)Rule$/.test(call.operation ?? "")
    ? [{ action: `events:${call.operation}`, resource: arnOf(call.place, "events", `rule/${rule}`) }]
    : undefined;
};

/** Questions of EC2 know no resource; what changes something does. */
const ec2Needs: NeedsOf = async ({ operation = "" }) =>
  operation.startsWith("Describe") || NETWORK_INTERFACES.has(operation)
    ? [{ action: `ec2:${operation}`, resource: "*" }]
    : undefined;

/** What Lambda does to give a function its place in a VPC. */
const NETWORK_INTERFACES: ReadonlySet<string> = new Set([
  "AssignPrivateIpAddresses",
  "CreateNetworkInterface",
  "DeleteNetworkInterface",
  "UnassignPrivateIpAddresses",
]);

/**
 * What the roles of a CDK deployment call. CloudFormation's own calls, which create the resources, are not
 * judged here.
 */
const cloudFormationNeeds: NeedsOf = async (call) => {
  const name = text(call, "StackName");
  const role = text(call, "RoleARN");
  return [
    {
      action: `cloudformation:${call.operation}`,
      resource:
        name === undefined || name.startsWith("arn:")
          ? (name ?? "*")
          : arnOf(call.place, "cloudformation", `stack/${name}/*`),
    },
    ...(role === undefined ? [] : [passRole(role, "cloudformation.amazonaws.com")]),
  ];
};

const kmsNeeds: NeedsOf = async (call) => {
  const key = text(call, "KeyId");
  if (key === undefined) return undefined;
  const resource = key.startsWith("arn:")
    ? key
    : arnOf(call.place, "kms", key.includes("/") ? key : `key/${key}`);
  return [
    { action: `kms:${call.operation}`, resource, context: { "kms:CallerAccount": call.place.account } },
  ];
};

const snsNeeds: NeedsOf = async (call) => {
  const topic = text(call, "TopicArn");
  return topic === undefined ? undefined : [{ action: `sns:${call.operation}`, resource: topic }];
};

const lambdaNeeds: NeedsOf = async ({ method, path, place }) => {
  const [, name] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(path) ?? [];
  if (name === undefined || method !== "POST") return undefined;
  const resource = name.startsWith("arn:") ? name : arnOf(place, "lambda", `function:${name}`);
  return [{ action: "lambda:InvokeFunction", resource }];
};

/** By the name of the service in signatures. */
const SERVICES: Readonly<Record<string, NeedsOf>> = {
  cloudformation: cloudFormationNeeds,
  ec2: ec2Needs,
  ecs: ecsNeeds,
  events: eventsNeeds,
  kms: kmsNeeds,
  lambda: lambdaNeeds,
  logs: logsNeeds,
  monitoring: cloudWatchNeeds,
  s3: s3Needs,
  secretsmanager: secretsManagerNeeds,
  sns: snsNeeds,
  ssm: ssmNeeds,
};

/**
 * The rights that a call needs, all of them.
 *
 * @returns `undefined` for a call that has no rule here; the caller must refuse it
 */
export const needsOf: NeedsOf = async (call: Call, account) => {
  const target = call.headers["x-amz-target"]?.toString().split(".")[0];
  // Signed for one service and meant for another: the emulator goes by the target.
  if (target !== (TARGETS as Readonly<Record<string, string>>)[call.service]) return undefined;
  return SERVICES[call.service]?.(call, account);
};
