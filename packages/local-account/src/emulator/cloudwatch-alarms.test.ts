import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CloudFormationClient,
  CreateStackCommand,
  waitUntilStackCreateComplete,
} from "@aws-sdk/client-cloudformation";
import { CloudWatchClient, DescribeAlarmsCommand, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { Deadline } from "@dbward-aws/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LOCAL_REGION } from "../account/environment.ts";
import { callEmulator, type EmulatorResponse, type EmulatorSocket } from "../account/index.ts";
import { startTestEmulator, type TestEmulator } from "./test-support/start-test-emulator.ts";

/** Longer than a minute can matter to no test: each metric has a name of its own, and one datum. */
const PERIOD = 3600;

describe("alarms of the emulated account", { timeout: 60_000 }, () => {
  let directory: string;
  let emulator: TestEmulator;
  let cloudWatch: CloudWatchClient;
  let receiver: Server;
  /** Names and states of the alarms that the topic's subscriber was notified of. */
  const notified: string[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "alarms-"));
    emulator = await startTestEmulator(directory);
    const { endpoint, credentials } = emulator;
    const aws = { endpoint, region: LOCAL_REGION, credentials };
    cloudWatch = new CloudWatchClient(aws);
    receiver = await startReceiver(emulator, notified);
    await deploy(new CloudFormationClient(aws));
    await subscribe(emulator, (receiver.address() as AddressInfo).port);
    await Deadline.after(100_000).until(() => notified.includes("confirmed") || undefined, 50);
  }, 120_000);

  afterAll(async () => {
    receiver?.close();
    await emulator?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const put = (name: string, value: number, { stage = "a", secondsAgo = 0 } = {}) =>
    cloudWatch.send(
      new PutMetricDataCommand({
        Namespace: "Test",
        MetricData: [
          {
            MetricName: name,
            Value: value,
            Dimensions: [{ Name: "Stage", Value: stage }],
            Timestamp: new Date(Date.now() - secondsAgo * 1000),
          },
        ],
      }),
    );
  const state = async (name: string) => {
    const { MetricAlarms = [], CompositeAlarms = [] } = await cloudWatch.send(
      new DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes: ["MetricAlarm", "CompositeAlarm"] }),
    );
    return [...MetricAlarms, ...CompositeAlarms][0]?.StateValue;
  };
  const until = async (name: string, expected: string) =>
    expect(
      await Deadline.after(100_000).until(
        async () => ((await state(name)) === expected ? expected : undefined),
        100,
      ),
      `${name} is ${await state(name)}`,
    ).toBe(expected);

  it("look at their own dimensions alone", async () => {
    await put("Plain", 5, { stage: "another" });
    expect(await state("plain")).not.toBe("ALARM");
    await put("Plain", 5);
    expect(await state("plain")).toBe("ALARM");
  });

  it("treat missing data as configured", async () => {
    await until("missing-breaches", "ALARM");
    expect(await state("missing-ignored")).toBe("INSUFFICIENT_DATA");
  });

  it("compute metric math over what was put at the same time", async () => {
    await put("Deploying", 1);
    await put("Reachable", 0);
    await until("math", "OK");
  });

  it("fill periods without a datum from the first one on, and none before", async () => {
    expect(await state("silent")).toBe("INSUFFICIENT_DATA");
    await put("Starts", 1, { secondsAgo: 2 * PERIOD });
    await until("silent", "ALARM");
    await put("Polls", 1);
    await until("silent", "OK");
  });

  it("notify through a composite alarm, unless its suppressor is in alarm", async () => {
    await put("Loud", 1);
    await until("loud-notified", "ALARM");
    await put("Quiet", 1);
    await until("quiet-notified", "ALARM");
    expect(
      await Deadline.after(100_000).until(() => notified.includes("loud-notified ALARM") || undefined, 100),
      notified.join(", "),
    ).toBe(true);
    expect(notified).not.toContain("quiet-notified ALARM");
  });
});

function alarm(name: string, metric: string, more: object = {}) {
  return {
    Type: "AWS::CloudWatch::Alarm",
    Properties: {
      AlarmName: name,
      Namespace: "Test",
      MetricName: metric,
      Dimensions: [{ Name: "Stage", Value: "a" }],
      Statistic: "Maximum",
      Period: PERIOD,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: "GreaterThanOrEqualToThreshold",
      TreatMissingData: "ignore",
      ...more,
    },
  };
}

function notifier(name: string, of: string, suppressor: string) {
  return {
    Type: "AWS::CloudWatch::CompositeAlarm",
    DependsOn: ["Plain", "Loud", "Quiet", "Never", "Always"],
    Properties: {
      AlarmName: name,
      AlarmRule: `ALARM("${of}")`,
      AlarmActions: [{ Ref: "Topic" }],
      ActionsSuppressor: suppressor,
      ActionsSuppressorWaitPeriod: 1,
      ActionsSuppressorExtensionPeriod: 60,
    },
  };
}

/** Alarms as CDK writes them, metric math included. */
async function deploy(stacks: CloudFormationClient): Promise<void> {
  const stat = (Id: string, MetricName: string) => ({
    Id,
    ReturnData: false,
    MetricStat: {
      Metric: { Namespace: "Test", MetricName, Dimensions: [{ Name: "Stage", Value: "a" }] },
      Period: PERIOD,
      Stat: "Maximum",
    },
  });
  const Resources = {
    Topic: { Type: "AWS::SNS::Topic", Properties: { TopicName: "notified" } },
    Plain: alarm("plain", "Plain"),
    Loud: alarm("loud", "Loud"),
    Quiet: alarm("quiet", "Quiet"),
    Never: alarm("never", "Never"),
    Always: alarm("missing-breaches", "Always", { TreatMissingData: "breaching" }),
    Ignored: alarm("missing-ignored", "Ignored"),
    Silent: {
      Type: "AWS::CloudWatch::Alarm",
      Properties: {
        AlarmName: "silent",
        Metrics: [
          {
            Id: "e",
            Expression: "IF(FILL(MAX([polls, starts]), REPEAT) > 0, FILL(polls, 0))",
            ReturnData: true,
          },
          stat("polls", "Polls"),
          stat("starts", "Starts"),
        ],
        EvaluationPeriods: 2,
        DatapointsToAlarm: 2,
        Threshold: 1,
        ComparisonOperator: "LessThanThreshold",
        TreatMissingData: "ignore",
      },
    },
    Math: {
      Type: "AWS::CloudWatch::Alarm",
      Properties: {
        AlarmName: "math",
        Metrics: [
          { Id: "e", Expression: "IF(FILL(deploying, 0) > 0, 1, reachable)", ReturnData: true },
          stat("reachable", "Reachable"),
          stat("deploying", "Deploying"),
        ],
        EvaluationPeriods: 1,
        DatapointsToAlarm: 1,
        Threshold: 1,
        ComparisonOperator: "LessThanThreshold",
        TreatMissingData: "ignore",
      },
    },
    LoudNotified: notifier("loud-notified", "loud", "never"),
    QuietNotified: notifier("quiet-notified", "quiet", "missing-breaches"),
  };
  await stacks.send(
    new CreateStackCommand({ StackName: "alarms", TemplateBody: JSON.stringify({ Resources }) }),
  );
  await waitUntilStackCreateComplete(
    { client: stacks, maxWaitTime: 30, minDelay: 1 },
    { StackName: "alarms" },
  );
}

/** Past the check of signatures: by a signature's text alone the emulator knows which service is meant. */
function callSns(emulator: EmulatorSocket, query: Record<string, string>): Promise<EmulatorResponse> {
  const scope = `20260101/${LOCAL_REGION}/sns/aws4_request`;
  return callEmulator(emulator, {
    method: "POST",
    path: "/",
    headers: {
      host: "127.0.0.1",
      authorization: `AWS4-HMAC-SHA256 Credential=none/${scope}, SignedHeaders=host, Signature=0`,
      "content-type": "application/x-www-form-urlencoded",
    },
    body: Buffer.from(new URLSearchParams(query).toString()),
  });
}

/** The emulator's CloudFormation asks no HTTP subscriber for confirmation, its API does. */
async function subscribe(emulator: EmulatorSocket, port: number): Promise<void> {
  const TopicArn = `arn:aws:sns:${LOCAL_REGION}:000000000000:notified`;
  const query = { Action: "Subscribe", TopicArn, Protocol: "http", Endpoint: `http://127.0.0.1:${port}/` };
  const { status, body } = await callSns(emulator, query);
  expect(status, body.toString()).toBe(200);
}

/** A subscriber that confirms its subscription, and notes which alarm each message is about. */
async function startReceiver(emulator: EmulatorSocket, notified: string[]): Promise<Server> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      const { Type, Message, TopicArn = "", Token = "" } = JSON.parse(body) as Record<string, string>;
      if (Type === "Notification") {
        const { AlarmName, NewStateValue } = JSON.parse(Message ?? "") as Record<string, string>;
        notified.push(`${AlarmName} ${NewStateValue}`);
      } else {
        const query = { Action: "ConfirmSubscription", TopicArn, Token };
        void callSns(emulator, query).then(() => notified.push("confirmed"));
      }
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
