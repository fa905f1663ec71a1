import { describe, expect, it } from "vitest";
import { loadStage } from "./load-stage.ts";
import { mistakesOf } from "./test-support/mistakes.ts";
import { stageInput } from "./test-support/stage.ts";

const ARN = "arn:aws:sns:eu-central-1:111122223333:platform-alarms";
const KEY = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";
const load = (monitoring: object, more: object = {}) =>
  loadStage({ stages: { prod: stageInput({ monitoring, ...more }) } }, "prod", { root: "." });

describe("monitoring.topicArn", () => {
  it("can have channels and a key", () => {
    const slack = [{ workspaceId: "T0123ABCD", channelId: "C0123ABCD" }];
    const encryption = { keys: { [ARN]: KEY } };
    expect(load({ topicArn: ARN, slack }, { encryption }).monitoring).toMatchObject({ topicArn: ARN, slack });
  });

  it.each([
    ["a name", { topicArn: "platform-alarms" }, /must be the ARN of a standard SNS topic/],
    ["a FIFO topic", { topicArn: `${ARN}.fifo` }, /must be the ARN of a standard SNS topic/],
    ["a subscription", { topicArn: `${ARN}:1` }, /must be the ARN of a standard SNS topic/],
    ["another partition's", { topicArn: ARN.replace("aws", "aws-cn") }, /begin with "arn:aws:"/],
    [
      "the stage's own",
      { topicArn: ARN.replace("platform", "dbward-prod") },
      /^monitoring\.topicArn: is dbward-prod-alarms, the topic that the deployment creates without this setting, and deletes/,
    ],
  ])("can't be %s", (_title, monitoring, expected) => {
    expect(mistakesOf(() => load(monitoring))).toEqual([expect.stringMatching(expected)]);
  });

  it("is in the region of the stage", () => {
    expect(mistakesOf(() => load({ topicArn: ARN }, { region: "us-east-1" }))).toEqual([
      expect.stringMatching(
        /^monitoring\.topicArn: is a topic in eu-central-1, and the stage is in us-east-1/,
      ),
    ]);
  });

  it("leaves subscriptions to the owner of the topic", () => {
    const receivers = { emails: ["ops@example.com"], httpsEndpoints: ["https://hooks.example.com"] };
    expect(mistakesOf(() => load({ topicArn: ARN, ...receivers }))).toEqual([
      expect.stringMatching(
        /^monitoring\.emails: can't be set .*: aws sns subscribe --topic-arn arn:.*platform-alarms --protocol email --notification-endpoint ADDRESS --region eu-central-1$/,
      ),
      expect.stringMatching(
        /^monitoring\.httpsEndpoints: .* --protocol https --notification-endpoint URL --region eu-central-1$/,
      ),
    ]);
    expect(load(receivers).monitoring).toMatchObject(receivers);
  });
});
