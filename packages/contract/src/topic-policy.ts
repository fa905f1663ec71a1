import type { StagePlace } from "./key-policy.ts";
import { stageNames } from "./names.ts";

/** A statement of a topic's policy that lets an AWS service publish the messages of a stage. */
export interface TopicPolicyStatement {
  /** Letters, digits and underscores; it names the stage, because stages can share a topic. */
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Principal: { readonly Service: string };
  readonly Action: "sns:Publish";
  /** ARN of the topic. */
  readonly Resource: string;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * What the policy of a topic needs, so that the alarms of a stage and EventBridge may publish to it. Which rule can't be said:
 * EventBridge names no source to SNS, so a statement with a condition would never match, and the messages would get lost without
 * an error.
 */
export function topicPolicyStatements(
  stage: string,
  topicArn: string,
  { partition, region, account }: Omit<StagePlace, "urlSuffix">,
): readonly TopicPolicyStatement[] {
  const names = stageNames(stage);
  const publisher = (sid: string, service: string) => ({
    Sid: `dbward_${stage.replaceAll("-", "_")}_${sid}`,
    Effect: "Allow" as const,
    Principal: { Service: service },
    Action: "sns:Publish" as const,
    Resource: topicArn,
  });
  return [
    {
      ...publisher("alarms", "cloudwatch.amazonaws.com"),
      Condition: {
        ArnLike: {
          "aws:SourceArn": `arn:${partition}:cloudwatch:${region}:${account}:alarm:${names.alarm("*")}`,
        },
        StringEquals: { "aws:SourceAccount": account },
      },
    },
    publisher("events", "events.amazonaws.com"),
  ];
}
