import { topicStatements } from "@dbward-aws/contract";
import { ArnFormat, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as sns from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import type { MonitoredStage } from "./monitored-stage.ts";
import type { Receiver } from "./receiver.ts";

export interface AlarmTopicProps extends Pick<MonitoredStage, "stage" | "names"> {
  readonly receivers: readonly Receiver[];
  /**
   * Customer managed key of the topic. Its policy must have `topicStatements` of `@dbward-aws/contract`,
   * without which no message arrives.
   * @default - a key for this topic alone
   */
  readonly encryptionKey: kms.IKey | undefined;
}

/**
 * Where everything that a person should know goes: an encrypted topic that takes messages over TLS alone,
 * from this stage's alarms, from EventBridge, and from nobody else.
 *
 * A receiver by e-mail has to confirm once, by the link that AWS sends.
 */
export class AlarmTopic extends Construct {
  readonly topic: sns.Topic;
  /** Customer managed key of the topic. */
  readonly encryptionKey: kms.IKey;

  constructor(scope: Construct, id: string, props: AlarmTopicProps) {
    super(scope, id);
    const { stage, names } = props;
    const key = props.encryptionKey ?? this.#createKey(stage);
    this.encryptionKey = key;

    this.topic = new sns.Topic(this, "Topic", {
      topicName: names.topic,
      displayName: `dbward ${stage}`,
      masterKey: key,
      enforceSSL: true,
    });
    this.#allowPublish("Alarms", "cloudwatch.amazonaws.com", {
      ArnLike: {
        "aws:SourceArn": Stack.of(this).formatArn({
          service: "cloudwatch",
          resource: "alarm",
          resourceName: names.alarm("*"),
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      },
      StringEquals: { "aws:SourceAccount": Stack.of(this).account },
    });

    for (const receiver of props.receivers) receiver.subscribe(this.topic);
  }

  /**
   * Lets EventBridge publish. Which rule can't be said: EventBridge names no source to SNS, so a statement
   * with a condition would never match, and the messages would get lost without an error.
   */
  allowEventBridge(): void {
    this.#allowPublish("EventRules", "events.amazonaws.com");
  }

  #allowPublish(sid: string, service: string, conditions: Record<string, Record<string, string>> = {}): void {
    this.topic.addToResourcePolicy(
      new iam.PolicyStatement({
        sid,
        principals: [new iam.ServicePrincipal(service)],
        actions: ["sns:Publish"],
        resources: [this.topic.topicArn],
        conditions,
      }),
    );
  }

  #createKey(stage: string): kms.Key {
    const key = new kms.Key(this, "Key", {
      description: `dbward ${stage}: messages about alarms`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    for (const statement of topicStatements(stage, Stack.of(this)))
      key.addToResourcePolicy(iam.PolicyStatement.fromJson(statement));
    return key;
  }
}
