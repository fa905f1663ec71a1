import { topicPolicyStatements, topicStatements } from "@dbward-aws/contract";
import { RemovalPolicy, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as sns from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import type { MonitoredStage } from "./monitored-stage.ts";
import type { Receiver } from "./receiver.ts";

export interface AlarmTopicProps extends Pick<MonitoredStage, "stage" | "names"> {
  readonly receivers: readonly Receiver[];
  /**
   * An existing topic. The policy of one that is made in the same app gets the statements that it needs; that of
   * an imported one must have them (`topicPolicyStatements` of `@dbward-aws/contract`), as must that of its key
   * (`topicStatements`).
   * @default - a new one
   */
  readonly topic: sns.ITopic | undefined;
  /**
   * Customer managed key of a new topic. Its policy must have `topicStatements` of `@dbward-aws/contract`,
   * without which no message arrives.
   * @default - a key for this topic alone
   */
  readonly encryptionKey: kms.IKey | undefined;
}

/**
 * Where everything that a person should know goes. A topic that is created here is encrypted, and takes messages
 * over TLS alone, from this stage's alarms, from EventBridge, and from nobody else.
 *
 * A receiver by e-mail has to confirm once, by the link that AWS sends.
 */
export class AlarmTopic extends Construct {
  readonly topic: sns.ITopic;
  /** Customer managed key of the topic; an existing topic may have none. */
  readonly encryptionKey: kms.IKey | undefined;

  constructor(scope: Construct, id: string, props: AlarmTopicProps) {
    super(scope, id);
    const { stage } = props;
    if (props.topic) {
      this.topic = props.topic;
      this.encryptionKey = props.topic.masterKey;
    } else {
      this.encryptionKey = props.encryptionKey ?? this.#createKey(props);
      this.topic = new sns.Topic(this, "Topic", {
        topicName: props.names.topic,
        displayName: `dbward ${stage}`,
        masterKey: this.encryptionKey,
        enforceSSL: true,
      });
    }
    for (const statement of topicPolicyStatements(stage, this.topic.topicArn, Stack.of(this)))
      this.topic.addToResourcePolicy(iam.PolicyStatement.fromJson(statement));

    // Of the same id as a new topic: a channel then keeps its logical id when the topic changes, and its name,
    // which no two configurations can have.
    const home = props.topic ? new Construct(this, "Topic") : (this.topic as sns.Topic);
    for (const receiver of props.receivers) receiver.subscribe(this.topic, home);
  }

  #createKey({ stage, names }: AlarmTopicProps): kms.Key {
    const key = new kms.Key(this, "Key", {
      description: `dbward ${stage}: messages about alarms`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const stack = Stack.of(this);
    const topicArn = stack.formatArn({ service: "sns", resource: names.topic });
    for (const statement of topicStatements(topicArn, stack.account))
      key.addToResourcePolicy(iam.PolicyStatement.fromJson(statement));
    return key;
  }
}
