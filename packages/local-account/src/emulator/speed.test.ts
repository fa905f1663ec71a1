import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
} from "@aws-sdk/client-cloudwatch";
import { Deadline } from "@dbward-aws/core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { clientConfig } from "../account/index.ts";
import { makeTemporaryDirectory } from "../test-support/temporary-directory.ts";
import { findPython } from "./index.ts";
import { startTestEmulator, type TestEmulator } from "./test-support/start-test-emulator.ts";

const directory = makeTemporaryDirectory();
let emulator: TestEmulator | undefined;
let cloudWatch: CloudWatchClient;
beforeAll(async () => {
  if (!(process.env.CI || (await findPython()).source)) return;
  emulator = await startTestEmulator(directory, { speed: 60 });
  cloudWatch = new CloudWatchClient(clientConfig(emulator));
}, 120_000);
beforeEach(({ skip }) => skip(emulator === undefined, "the emulator needs Python 3.10 or later, or uv"));
afterAll(async () => {
  cloudWatch?.destroy();
  await emulator?.close();
});

/** @returns milliseconds until the alarm has the state */
async function until(state: "ALARM" | "OK"): Promise<number> {
  const began = performance.now();
  const reached = await Deadline.after(100_000).until(async () => {
    const { MetricAlarms = [] } = await cloudWatch.send(new DescribeAlarmsCommand({ AlarmNames: ["fast"] }));
    return MetricAlarms[0]?.StateValue === state || undefined;
  }, 50);
  expect(reached, state).toBe(true);
  return performance.now() - began;
}

it("shortens the periods of alarms", { timeout: 60_000 }, async () => {
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      AlarmName: "fast",
      Namespace: "Test",
      MetricName: "Loud",
      Statistic: "Maximum",
      Period: 300,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: "GreaterThanOrEqualToThreshold",
      TreatMissingData: "notBreaching",
    }),
  );
  await cloudWatch.send(
    new PutMetricDataCommand({ Namespace: "Test", MetricData: [{ MetricName: "Loud", Value: 1 }] }),
  );
  await until("ALARM");
  expect(await until("OK")).toBeGreaterThan(1_000);
});
