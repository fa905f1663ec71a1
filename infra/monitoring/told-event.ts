import * as events from "aws-cdk-lib/aws-events";
import type { Construct } from "constructs";
import type { AlarmTopic } from "./alarm-topic.ts";

export interface ToldEventProps {
  /** Name of the stage. */
  readonly stage: string;
  readonly receivers: AlarmTopic;
  /** What has happened, such as `a task stopped by itself`. */
  readonly description: string;
  readonly pattern: events.EventPattern;
  /** The message, line by line; fields of the event by `events.EventField`. */
  readonly text: readonly string[];
}

/** Sends events that match a pattern to the receivers of alarms, as text. */
export class ToldEvent extends events.Rule {
  constructor(scope: Construct, id: string, props: ToldEventProps) {
    super(scope, id, {
      description: `dbward ${props.stage}: ${props.description}`,
      eventPattern: props.pattern,
    });
    this.addTarget({
      bind: () => ({
        arn: props.receivers.topic.topicArn,
        // SNS gets what EventBridge makes of the template, still in JSON. Of one text with line ends a reader
        // of the e-mail would see a single line with `\\n` in it; lines that are strings of their own stay
        // lines, each in quotes.
        input: events.RuleTargetInput.fromMultilineText(props.text.join("\n")),
      }),
    });
  }
}
