import { DescribeKeyCommand, GetKeyPolicyCommand } from "@aws-sdk/client-kms";
import { GetTopicAttributesCommand } from "@aws-sdk/client-sns";
import { stageNames, topicPolicyStatements, topicStatements } from "@dbward-aws/contract";
import { regionOfArn, type StageSettings } from "@dbward-aws/settings";
import { type AwsClients, ifThere } from "@dbward-aws/stage";
import { admits } from "./check-keys.ts";
import type { PreflightFindings } from "./findings.ts";
import { conditionsHold, isAboutAction, isAboutService, statementsOf } from "./policy-statement.ts";
import { unlessDenied } from "./unless-denied.ts";

const SETTING = "monitoring.topicArn";
const PUBLISHERS: Readonly<Record<string, string>> = {
  "cloudwatch.amazonaws.com": "CloudWatch alarms",
  "events.amazonaws.com": "EventBridge",
};

/**
 * An existing topic must be in the account of the stage, and its policy and that of its key must admit alarms and EventBridge:
 * neither reports a message that it may not publish.
 */
export async function checkTopic(
  settings: StageSettings,
  place: { readonly account: string; readonly region: string },
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const { topicArn } = settings.monitoring;
  // A topic in another region is a mistake of the settings, which `regionProblems` reports.
  if (topicArn === undefined || regionOfArn(topicArn) !== place.region) return;
  const what = `Topic ${topicArn} (${SETTING})`;
  const [, partition = "aws", , , owner] = topicArn.split(":");
  if (owner !== place.account) {
    findings.refuse(
      `${what} is in account ${owner}, and the stage in ${place.account}: EventBridge publishes to topics of its own account. ` +
        "Name a topic there, and subscribe the other account's receivers to it",
    );
    return;
  }
  await unlessDenied(what, "sns:GetTopicAttributes", findings, async () => {
    const found = await ifThere(
      `Reading the attributes of topic ${topicArn}`,
      clients.sns.send(new GetTopicAttributesCommand({ TopicArn: topicArn })),
      "NotFoundException",
    );
    if (!found) {
      findings.refuse(
        `${what} doesn't exist. Name one that does, or leave the setting out: the deployment then creates one`,
      );
      return;
    }
    const { Policy, KmsMasterKeyId: key } = found.Attributes ?? {};
    checkPolicy(settings.stage, topicArn, { ...place, partition }, Policy, findings);
    if (key) await checkKeyOfTopic(topicArn, key, place, clients, findings);
  });
}

/** Whether the topic's policy lets alarms of the stage and EventBridge publish. */
function checkPolicy(
  stage: string,
  topicArn: string,
  place: { readonly partition: string; readonly account: string; readonly region: string },
  text: string | undefined,
  findings: PreflightFindings,
): void {
  const { partition, account, region } = place;
  const alarm = `arn:${partition}:cloudwatch:${region}:${account}:alarm:${stageNames(stage).alarm("down")}`;
  const source = (values: { readonly arn?: string; readonly account?: string }) => ({
    "aws:securetransport": "true",
    "aws:sourceaccount": values.account,
    // The key of the policy that a topic has by default.
    "aws:sourceowner": values.account,
    "aws:sourcearn": values.arn,
  });
  const contexts: Readonly<Record<string, ReturnType<typeof source>>> = {
    "cloudwatch.amazonaws.com": source({ arn: alarm, account }),
    // EventBridge names no source to SNS.
    "events.amazonaws.com": source({}),
  };
  const statements = statementsOf(text).filter((each) => isAboutAction(each, "sns:Publish"));
  const missing = topicPolicyStatements(stage, topicArn, place).filter(({ Principal: { Service } }) => {
    const own = statements.filter((each) => isAboutService(each, Service));
    const holds = own.map((each) => ({
      effect: each.Effect,
      holds: conditionsHold(each, contexts[Service]!),
    }));
    // What can't be judged is left to whoever wrote it.
    const isAllowed = holds.some(({ effect, holds }) => effect === "Allow" && holds !== false);
    return !isAllowed || holds.some(({ effect, holds }) => effect === "Deny" && holds === true);
  });
  if (missing.length === 0) return;
  const services = missing.map(({ Principal }) => PUBLISHERS[Principal.Service]).join(" and ");
  findings.refuse(
    `The policy of topic ${topicArn} (${SETTING}) does not let ${services} publish, so their messages would get lost without an ` +
      `error. Add to its statements (to EventBridge's no condition: it never holds), and remove those that deny it: ${JSON.stringify(missing)}`,
  );
}

async function checkKeyOfTopic(
  topicArn: string,
  key: string,
  { account, region }: { readonly account: string; readonly region: string },
  { kms }: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const what = `The key of topic ${topicArn} (${SETTING})`;
  const needed = topicStatements(topicArn, account);
  const owner = await unlessDenied(what, "kms:DescribeKey", findings, () =>
    ifThere(`Looking up key ${key}`, kms.send(new DescribeKeyCommand({ KeyId: key })), "NotFoundException"),
  );
  // One that is missing or can't be used is reported where all keys are looked up.
  const { Arn, KeyManager } = owner?.KeyMetadata ?? {};
  if (/alias\/aws\/sns$/.test(key) || KeyManager === "AWS") {
    findings.refuse(
      `${what} is that of AWS, alias/aws/sns, whose policy admits neither CloudWatch alarms nor EventBridge and can't be changed. ` +
        `Encrypt the topic with a customer managed key whose policy has these statements: ${JSON.stringify(needed)}, and run: ` +
        `aws sns set-topic-attributes --topic-arn ${topicArn} --attribute-name KmsMasterKeyId --attribute-value KEY-ID --region ${region}`,
    );
    return;
  }
  if (Arn === undefined) return;
  await unlessDenied(`The policy of key ${Arn}`, "kms:GetKeyPolicy", findings, async () => {
    const found = await ifThere(
      `Reading the policy of key ${Arn}`,
      kms.send(new GetKeyPolicyCommand({ KeyId: Arn, PolicyName: "default" })),
      "NotFoundException",
    );
    const statements = statementsOf(found?.Policy);
    const missing = needed.filter((each) => !statements.some((statement) => admits(statement, each)));
    if (missing.length > 0)
      findings.refuse(
        `The policy of key ${Arn}, with which topic ${topicArn} (${SETTING}) is encrypted, does not admit ` +
          `${missing.map(({ Principal }) => PUBLISHERS[Principal.Service]).join(" and ")}: messages would get lost without an error. ` +
          `Add to its statements: ${JSON.stringify(missing)}`,
      );
  });
}
