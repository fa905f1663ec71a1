import { topicPolicyStatements, topicStatements } from "@dbward-aws/contract";
import { describe, expect, it } from "vitest";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { check, keyMetadata, mistakes } from "../test-support/preflight-run.ts";

const ACCOUNT = "123456789012";
const TOPIC = `arn:aws:sns:eu-central-1:${ACCOUNT}:platform-alarms`;
const KEY = `arn:aws:kms:eu-central-1:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`;
const changes = { monitoring: { topicArn: TOPIC } };

const NEEDED = topicPolicyStatements("prod", TOPIC, {
  partition: "aws",
  region: "eu-central-1",
  account: ACCOUNT,
});
const [ALARMS, EVENTS] = NEEDED as [object, object];
/** The policy of a topic for which nobody has set one. */
const BY_DEFAULT = {
  Sid: "__default_statement_ID",
  Effect: "Allow",
  Principal: { AWS: "*" },
  Action: ["SNS:GetTopicAttributes", "SNS:Subscribe", "SNS:Publish"],
  Resource: TOPIC,
  Condition: { StringEquals: { "AWS:SourceOwner": ACCOUNT } },
};
const TLS_ALONE = {
  Effect: "Deny",
  Principal: "*",
  Action: "sns:Publish",
  Condition: { Bool: { "aws:SecureTransport": "false" } },
};
/** SNS answers maps as lists of entries, which no other API does. */
const topic = (statements: readonly object[], more: Record<string, string> = {}): Answers => {
  const attributes = Object.entries({ Policy: JSON.stringify({ Statement: statements }), ...more });
  const entries = attributes.map(
    ([name, value]) => `<entry><key>${name}</key><value>${value.replaceAll('"', "&quot;")}</value></entry>`,
  );
  const result = `<Attributes>${entries.join("")}</Attributes>`;
  return {
    GetTopicAttributes: () =>
      `<GetTopicAttributesResponse><GetTopicAttributesResult>${result}</GetTopicAttributesResult></GetTopicAttributesResponse>`,
  };
};
const key = (statements: readonly object[], metadata: object = {}): Answers => ({
  DescribeKey: () => keyMetadata(KEY, metadata),
  GetKeyPolicy: () => ({ Policy: JSON.stringify({ Statement: statements }) }),
});

describe("an existing topic", () => {
  it.each<[string, readonly object[]]>([
    ["the statements that preflight prints", NEEDED],
    ["the default statement, and one for EventBridge", [BY_DEFAULT, EVENTS]],
    ["TLS alone", [TLS_ALONE, ...NEEDED]],
    [
      "one statement for both services",
      [
        {
          Effect: "Allow",
          Principal: { Service: ["events.amazonaws.com", "cloudwatch.amazonaws.com"] },
          Action: "sns:*",
        },
      ],
    ],
    [
      "conditions that are not judged",
      [{ ...ALARMS, Condition: { StringLike: { "aws:PrincipalOrgID": "o-1" } } }, EVENTS],
    ],
  ])("passes with %s", async (_title, statements) => {
    expect((await check(changes, topic(statements))).warnings).toEqual([]);
  });

  it.each<[string, readonly object[], RegExp, readonly object[]]>([
    ["by its default policy", [BY_DEFAULT], /does not let EventBridge publish/, [EVENTS]],
    ["without any", [], /does not let CloudWatch alarms and EventBridge publish/, NEEDED],
    [
      "with a condition for EventBridge, which never holds",
      [ALARMS, { ...EVENTS, Condition: { StringEquals: { "aws:SourceAccount": ACCOUNT } } }],
      /does not let EventBridge publish/,
      [EVENTS],
    ],
    [
      "for alarms of another stage",
      [
        {
          ...ALARMS,
          Condition: { ArnLike: { "aws:SourceArn": "arn:aws:cloudwatch:*:*:alarm:dbward-dev-*" } },
        },
        EVENTS,
      ],
      /does not let CloudWatch alarms publish/,
      [ALARMS],
    ],
    [
      "for another account",
      [{ ...ALARMS, Condition: { StringEquals: { "aws:SourceAccount": "999999999999" } } }, EVENTS],
      /does not let CloudWatch alarms publish/,
      [ALARMS],
    ],
    [
      "with a statement that denies it",
      [...NEEDED, { Effect: "Deny", Principal: { Service: "events.amazonaws.com" }, Action: "sns:Publish" }],
      /does not let EventBridge publish/,
      [EVENTS],
    ],
  ])(
    "is refused when nobody may publish %s, with the statements to add",
    async (_title, statements, words, missing) => {
      const [mistake, ...others] = await mistakes(changes, topic(statements));
      expect(mistake).toMatch(words);
      expect(mistake).toContain(`: ${JSON.stringify(missing)}`);
      expect(others).toEqual([]);
    },
  );

  it("is refused when it is not there, in another account or in another region", async () => {
    const GetTopicAttributes = () => {
      throw new AwsFault("NotFound", "Topic does not exist");
    };
    expect(await mistakes(changes, { GetTopicAttributes })).toEqual([
      `Topic ${TOPIC} (monitoring.topicArn) doesn't exist. Name one that does, or leave the setting out: the deployment then creates one`,
    ]);
    const elsewhere = (from: string, to: string) => ({ monitoring: { topicArn: TOPIC.replace(from, to) } });
    expect(await mistakes(elsewhere(ACCOUNT, "999999999999"), { GetTopicAttributes })).toEqual([
      expect.stringMatching(/is in account 999999999999, and the stage in 123456789012/),
    ]);
    expect(await mistakes(elsewhere("eu-central-1", "us-east-1"), { GetTopicAttributes })).toEqual([
      expect.stringMatching(
        /monitoring\.topicArn: is a topic in us-east-1, and the stage is in eu-central-1/,
      ),
    ]);
  });

  it("is not checked without the right to see it", async () => {
    const GetTopicAttributes = () => {
      throw new AwsFault("AuthorizationError", "not authorized");
    };
    expect((await check(changes, { GetTopicAttributes })).warnings).toContainEqual(
      expect.stringMatching(/^Topic .* was not checked.*sns:GetTopicAttributes/),
    );
  });
});

describe("the key of an existing topic", () => {
  const encrypted = topic(NEEDED, { KmsMasterKeyId: "alias/platform" });
  const needed = topicStatements(TOPIC, ACCOUNT);

  it("is found for the templates, and passes when its policy admits both services", async () => {
    const { facts, warnings } = await check(changes, { ...encrypted, ...key(needed) });
    expect([facts.keys, warnings]).toEqual([{ [TOPIC]: KEY }, []]);
  });

  it("is refused when its policy does not, with the statements to add", async () => {
    const [mistake, ...others] = await mistakes(changes, { ...encrypted, ...key([needed[0]!]) });
    expect(mistake).toMatch(
      /^The policy of key .*, with which topic .* does not admit EventBridge: messages/,
    );
    expect(mistake).toContain(JSON.stringify([needed[1]]));
    expect(others).toEqual([]);
  });

  it.each(["alias/aws/sns", KEY])("is refused when it is that of AWS, named %s", async (KmsMasterKeyId) => {
    expect(
      await mistakes(changes, { ...topic(NEEDED, { KmsMasterKeyId }), ...key([], { KeyManager: "AWS" }) }),
    ).toEqual([
      expect.stringMatching(
        /is that of AWS, alias\/aws\/sns, whose policy.*aws sns set-topic-attributes --topic-arn/,
      ),
    ]);
  });

  it("is checked as far as that is allowed", async () => {
    const denied = () => {
      throw new AwsFault("AccessDeniedException", "not authorized");
    };
    const policyUnread = { ...encrypted, ...key([]), GetKeyPolicy: denied };
    expect((await check(changes, policyUnread)).warnings).toEqual([
      expect.stringMatching(/^The policy of key .* was not checked: .*kms:GetKeyPolicy/),
    ]);
    expect((await check(changes, { ...encrypted, DescribeKey: denied })).warnings).toContainEqual(
      expect.stringMatching(/^The key of topic .* was not checked: .*kms:DescribeKey/),
    );
  });

  it("of the stage need not admit what publishes to another topic", async () => {
    const logs = {
      Effect: "Allow",
      Principal: { Service: "logs.eu-central-1.amazonaws.com" },
      Action: "kms:*",
    };
    const account = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "kms:*" };
    const settings = { ...changes, encryption: { kmsKey: KEY } };
    expect(await mistakes(settings, { ...topic(NEEDED), ...key([logs, account]) })).toEqual([]);
  });
});
