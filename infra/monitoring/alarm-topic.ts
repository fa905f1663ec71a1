import { stageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { RemovalPolicy, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as sns from "aws-cdk-lib/aws-sns";
import { EmailSubscription, UrlSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Construct } from "constructs";

export interface AlarmTopicProps {
  readonly settings: Pick<StageSettings, "stage" | "monitoring">;
}

/**
 * Where everything that a person should know goes: an encrypted topic that takes messages over TLS alone, from this
 * stage's alarms, from EventBridge, and from nobody else.
 *
 * A receiver by e-mail has to confirm once, by the link that AWS sends.
 */
export class AlarmTopic extends Construct {
  readonly topic: sns.Topic;
  readonly key: kms.Key;

  constructor(scope: Construct, id: string, props: AlarmTopicProps) {
    super(scope, id);
    const { stage, monitoring } = props.settings;
    const names = stageNames(stage);
    const topicName = names.alarm("alarms");

    this.key = new kms.Key(this, "Key", {
      description: `dbward ${stage}: messages about alarms`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.#allowKeyFor(topicName);

    this.topic = new sns.Topic(this, "Topic", {
      topicName,
      displayName: `dbward ${stage}`,
      masterKey: this.key,
      enforceSSL: true,
    });
    this.#allowPublish("Alarms", "cloudwatch.amazonaws.com", {
      ArnLike: { "aws:SourceArn": this.#arn("cloudwatch", "alarm:", names.alarm("*")) },
      StringEquals: { "aws:SourceAccount": Stack.of(this).account },
    });

    for (const email of monitoring.emails) this.topic.addSubscription(new EmailSubscription(email));
    for (const url of monitoring.httpsEndpoints)
      this.topic.addSubscription(new UrlSubscription(url, { protocol: sns.SubscriptionProtocol.HTTPS }));
  }

  /**
   * Lets EventBridge publish. Which rule can't be said: EventBridge names no source to SNS, so a statement with a
   * condition would never match, and the messages would get lost without an error.
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

  /** EventBridge names no source account to KMS, so there the topic in the encryption context has to narrow it alone. */
  #allowKeyFor(topicName: string): void {
    const thisTopic = { "kms:EncryptionContext:aws:sns:topicArn": this.#arn("sns", "", topicName) };
    const callers = {
      "cloudwatch.amazonaws.com": { ...thisTopic, "aws:SourceAccount": Stack.of(this).account },
      "events.amazonaws.com": thisTopic,
    };
    for (const [service, conditions] of Object.entries(callers))
      this.key.addToResourcePolicy(
        new iam.PolicyStatement({
          principals: [new iam.ServicePrincipal(service)],
          actions: ["kms:Decrypt", "kms:GenerateDataKey*"],
          resources: ["*"],
          conditions: { StringEquals: conditions },
        }),
      );
  }

  /** By name, not by reference: the topic needs the key first. */
  #arn(service: string, kind: string, name: string): string {
    const { partition, region, account } = Stack.of(this);
    return `arn:${partition}:${service}:${region}:${account}:${kind}${name}`;
  }
}
