import { DeleteParameterCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { Deadline } from "@dbward-aws/core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { clientConfig } from "../account/index.ts";
import { callAsStage } from "../account/stage-call.ts";
import { makeTemporaryDirectory } from "../test-support/temporary-directory.ts";
import { findPython } from "./index.ts";
import { startTestEmulator, type TestEmulator } from "./test-support/start-test-emulator.ts";

const directory = makeTemporaryDirectory();
let emulator: TestEmulator | undefined;
let ssm: SSMClient;
beforeAll(async () => {
  if (!(process.env.CI || (await findPython()).source)) return;
  emulator = await startTestEmulator(directory);
  ssm = new SSMClient(clientConfig(emulator));
}, 120_000);
beforeEach(({ skip }) => skip(emulator === undefined, "the emulator needs Python 3.10 or later, or uv"));
afterAll(async () => {
  ssm?.destroy();
  await emulator?.close();
});

/** Calls SQS, EventBridge or another service whose client this package doesn't have. */
async function call(service: string, target: string, input: object): Promise<Record<string, unknown>> {
  const { body } = await callAsStage(
    { ...emulator!, region: "us-east-1" },
    {
      name: target,
      service,
      method: "POST",
      path: "/",
      headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": target },
      body: JSON.stringify(input),
    },
  );
  return JSON.parse(body.toString());
}

it("sends events about the parameters that a rule names", { timeout: 60_000 }, async () => {
  const { QueueUrl } = await call("sqs", "AmazonSQS.CreateQueue", { QueueName: "changes" });
  await call("events", "AWSEvents.PutRule", {
    Name: "changes",
    EventPattern: JSON.stringify({
      source: ["aws.ssm"],
      "detail-type": ["Parameter Store Change"],
      detail: { name: ["/watched"], operation: ["Create", "Update", "Delete"] },
    }),
  });
  await call("events", "AWSEvents.PutTargets", {
    Rule: "changes",
    Targets: [{ Id: "queue", Arn: "arn:aws:sqs:us-east-1:000000000000:changes" }],
  });
  const put = (Name: string, Value: string) =>
    ssm.send(new PutParameterCommand({ Name, Value, Type: "SecureString", Overwrite: Value !== "first" }));
  await put("/watched", "first");
  await put("/other", "first");
  await put("/watched", "second");
  await expect(put("/watched", "first")).rejects.toThrow(/already exists/);
  await ssm.send(new DeleteParameterCommand({ Name: "/watched" }));

  const received: unknown[] = [];
  await Deadline.after(30_000).until(async () => {
    const answer = await call("sqs", "AmazonSQS.ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10 });
    for (const { Body } of (answer.Messages ?? []) as { Body: string }[]) received.push(JSON.parse(Body));
    return received.length >= 3 || undefined;
  }, 50);
  expect(received).toMatchObject(
    ["Create", "Update", "Delete"].map((operation) => ({
      source: "aws.ssm",
      "detail-type": "Parameter Store Change",
      resources: ["arn:aws:ssm:us-east-1:000000000000:parameter/watched"],
      detail: { operation, name: "/watched", type: "SecureString" },
    })),
  );
  expect(JSON.stringify(received)).not.toContain("second");
});
