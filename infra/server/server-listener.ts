import { createHash } from "node:crypto";
import { Fn, Token } from "aws-cdk-lib";
import type * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as ecs from "aws-cdk-lib/aws-ecs";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { Construct } from "constructs";
import { PropProblems } from "../prop-problems.ts";
import { ServerTargets } from "./server-targets.ts";

/** A place on a load balancer that exists, for the way of people to the server. */
export interface ServerListenerOptions {
  /**
   * Listener of an Application Load Balancer in the server's VPC. The server accepts requests from its
   * `connections`: import it by `fromApplicationListenerAttributes`, with the load balancer's security group.
   */
  readonly listener: elb.IApplicationListener;
  /**
   * Base URL by which people reach the server through the listener, such as `https://dbward.example.com`,
   * without a path. Requests with its host are forwarded to the server.
   */
  readonly url: string;
  /** Priority of the rule, 1 to 50000, which no other rule of the listener has. */
  readonly priority: number;
}

export interface ServerListenerProps extends ServerListenerOptions {
  readonly vpc: ec2.IVpc;
  readonly service: ecs.FargateService;
}

const URL_FORM = /^https?:\/\/(?<host>[a-zA-Z0-9.-]{1,128})(:\d{1,5})?$/;

/** A rule on an existing listener that forwards requests for the server's host to it. */
export class ServerListener extends Construct {
  readonly targetGroup: elb.ApplicationTargetGroup;
  /** The load balancer as metrics know it, `app/NAME/ID`. */
  readonly loadBalancerFullName: string;

  /** @throws InvalidPropsError when the URL or the priority has another form */
  constructor(scope: Construct, id: string, { listener, url, priority, vpc, service }: ServerListenerProps) {
    super(scope, id);
    const problems = new PropProblems(this);
    problems.expect(
      URL_FORM.test(url),
      "url",
      `must be https://HOST or https://HOST:PORT, without a path, not ${url}`,
    );
    problems.expect(
      Token.isUnresolved(priority) || (Number.isInteger(priority) && priority >= 1 && priority <= 50_000),
      "priority",
      `must be 1 to 50000, not ${priority}`,
    );
    problems.throwIfAny();
    this.loadBalancerFullName = loadBalancerOf(listener.listenerArn);
    // A target group can't be at two load balancers at once, and another stack imports its name, which may not
    // change: with another load balancer there is another one.
    const word = Token.isUnresolved(listener.listenerArn) ? listener.node.addr : this.loadBalancerFullName;
    const hash = createHash("sha256").update(word).digest("hex").slice(0, 8);
    this.targetGroup = new ServerTargets(this, `Targets${hash}`, { vpc, service });
    new elb.ApplicationListenerRule(this, `Rule${hash}`, {
      listener,
      priority,
      conditions: [elb.ListenerCondition.hostHeaders([URL_FORM.exec(url)!.groups!.host!])],
      targetGroups: [this.targetGroup],
    });
  }
}

/** `app/NAME/ID` of a listener's ARN, `arn:aws:elasticloadbalancing:REGION:ACCOUNT:listener/app/NAME/ID/ID`. */
function loadBalancerOf(listenerArn: string): string {
  if (!Token.isUnresolved(listenerArn)) return listenerArn.split("/").slice(1, 4).join("/");
  const parts = Fn.split("/", listenerArn);
  return Fn.join(
    "/",
    [1, 2, 3].map((at) => Fn.select(at, parts)),
  );
}
