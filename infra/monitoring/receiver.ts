import { Stack } from "aws-cdk-lib";
import * as chatbot from "aws-cdk-lib/aws-chatbot";
import * as iam from "aws-cdk-lib/aws-iam";
import * as sns from "aws-cdk-lib/aws-sns";
import { EmailSubscription, UrlSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { Construct } from "constructs";

/** A channel in Slack. */
export interface SlackChannel {
  /**
   * Id of the workspace, such as `T0123ABCD`. Authorize it once in the console of Amazon Q Developer in chat
   * applications.
   */
  readonly workspaceId: string;
  /** Id of the channel, such as `C0123ABCD`. */
  readonly channelId: string;
}

/** A channel in Microsoft Teams; all three ids are in the link to the channel. */
export interface TeamsChannel {
  /** Id of the tenant, a UUID. */
  readonly tenantId: string;
  /** Id of the team, a UUID. Authorize it once in the console of Amazon Q Developer in chat applications. */
  readonly teamId: string;
  /** Id of the channel as it is in the link, URL-encoded: `19%3a…%40thread.tacv2`. */
  readonly channelId: string;
}

/** Somebody who gets the messages about alarms. */
export class Receiver {
  /**
   * @param scope what a channel's configuration belongs to
   * @internal
   */
  readonly subscribe: (topic: sns.ITopic, scope: Construct) => void;

  private constructor(subscribe: Receiver["subscribe"]) {
    this.subscribe = subscribe;
  }

  /** A person by e-mail, who has to confirm once by the link that AWS sends. */
  static email(address: string): Receiver {
    return Receiver.subscription(new EmailSubscription(address));
  }

  /** A program by HTTPS, which has to confirm the subscription that AWS posts. */
  static https(url: string): Receiver {
    return Receiver.subscription(new UrlSubscription(url, { protocol: sns.SubscriptionProtocol.HTTPS }));
  }

  /**
   * A channel in Slack, through Amazon Q Developer in chat applications. It gets the messages of alarms;
   * those of ECS events, which EventBridge sends as text, are not shown there.
   */
  static slack({ workspaceId, channelId }: SlackChannel): Receiver {
    return new Receiver((topic, scope) => {
      new chatbot.CfnSlackChannelConfiguration(scope, `Slack-${channelId}`, {
        ...channelProps(topic, scope, `slack-${channelId}`),
        slackWorkspaceId: workspaceId,
        slackChannelId: channelId,
      });
    });
  }

  /** A channel in Microsoft Teams, with the messages that {@link slack} gets. */
  static teams({ tenantId, teamId, channelId }: TeamsChannel): Receiver {
    const word = channelId.replaceAll(/[^A-Za-z0-9]/g, "");
    return new Receiver((topic, scope) => {
      new chatbot.CfnMicrosoftTeamsChannelConfiguration(scope, `Teams-${word}`, {
        ...channelProps(topic, scope, `teams-${word}`),
        teamsTenantId: tenantId,
        teamId,
        teamsChannelId: channelId,
      });
    });
  }

  /** Whatever the CDK has a subscription for, such as a queue or a function. */
  static subscription(subscription: sns.ITopicSubscription): Receiver {
    return new Receiver((topic) => topic.addSubscription(subscription));
  }
}

/**
 * What both kinds of channels need. Members of a channel can give commands there, with the rights of its role
 * as far as its guardrails allow them. The role has none, and the guardrails deny everything: without any,
 * AdministratorAccess would be the limit.
 */
function channelProps(topic: sns.ITopic, scope: Construct, word: string) {
  const stack = Stack.of(scope);
  const role =
    scope.node.tryFindChild("ChatRole") ??
    new iam.Role(scope, "ChatRole", {
      description: "dbward: messages in chat, without any right",
      assumedBy: new iam.ServicePrincipal("chatbot.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": stack.account } },
      }),
    });
  return {
    configurationName: `${stack.stackName}-${word}`.slice(0, 128),
    iamRoleArn: (role as iam.Role).roleArn,
    snsTopicArns: [topic.topicArn],
    guardrailPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName("AWSDenyAll").managedPolicyArn],
    loggingLevel: "NONE",
  };
}
