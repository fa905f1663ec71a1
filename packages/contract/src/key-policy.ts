import { stageNames } from "./names.ts";

/** Partition, region and account of a stage. In a template the values may be CloudFormation's pseudo parameters. */
export interface StagePlace {
  /** Such as `aws`. */
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  /** Domain of the partition, such as `amazonaws.com`. */
  readonly urlSuffix: string;
}

/** A statement of a key's policy that lets an AWS service use the key for a stage. */
export interface KeyPolicyStatement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Principal: { readonly Service: string };
  readonly Action: readonly string[];
  /** In a key's policy the key itself. */
  readonly Resource: "*";
  readonly Condition: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/**
 * What the policy of a customer managed key needs beside the account's own statement, so that services may encrypt with it
 * what a stage creates: CloudWatch Logs for log groups
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html), alarms and EventBridge for the
 * topic. Roles of the stage are allowed by their own policies.
 *
 * @param ownTopic whether the stage creates its topic. @default true
 */
export function keyPolicyStatements(
  stage: string,
  place: StagePlace,
  ownTopic = true,
): readonly KeyPolicyStatement[] {
  const { partition, region, account } = place;
  const topic = `arn:${partition}:sns:${region}:${account}:${stageNames(stage).topic}`;
  return [logGroupStatement(stage, place), ...(ownTopic ? topicStatements(topic, account) : [])];
}

function logGroupStatement(stage: string, place: StagePlace): KeyPolicyStatement {
  const { partition, region, account, urlSuffix } = place;
  const names = stageNames(stage);
  const logGroup = (name: string) => `arn:${partition}:logs:${region}:${account}:log-group:${name}`;
  return {
    Sid: "EncryptLogGroups",
    Effect: "Allow",
    Principal: { Service: `logs.${region}.${urlSuffix}` },
    Action: ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
    Resource: "*",
    Condition: {
      ArnLike: {
        // CloudFormation names the log groups of functions after their stack.
        "kms:EncryptionContext:aws:logs:arn": [logGroup(names.logGroup("*")), logGroup(names.stack("*"))],
      },
    },
  };
}

/**
 * What the policy of a topic's key needs, so that alarms and EventBridge may publish to the topic. EventBridge sends no source
 * account to KMS, so only the topic limits it.
 *
 * @param topicArn ARN of the topic
 * @param account account of the stage
 */
export function topicStatements(topicArn: string, account: string): readonly KeyPolicyStatement[] {
  const thisTopic = { "kms:EncryptionContext:aws:sns:topicArn": topicArn };
  const publisher = (
    sid: string,
    service: string,
    condition: Record<string, string>,
  ): KeyPolicyStatement => ({
    Sid: sid,
    Effect: "Allow",
    Principal: { Service: service },
    Action: ["kms:Decrypt", "kms:GenerateDataKey*"],
    Resource: "*",
    Condition: { StringEquals: condition },
  });
  return [
    publisher("PublishAlarms", "cloudwatch.amazonaws.com", { ...thisTopic, "aws:SourceAccount": account }),
    publisher("PublishEvents", "events.amazonaws.com", thisTopic),
  ];
}
