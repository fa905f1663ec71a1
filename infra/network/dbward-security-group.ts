import * as ec2 from "aws-cdk-lib/aws-ec2";
import type { Construct } from "constructs";

export interface DbwardSecurityGroupProps {
  readonly vpc: ec2.IVpc;
  readonly description: string;
}

/** A way from one security group to another. */
export interface Way {
  readonly to: ec2.ISecurityGroup;
  /** TCP port. */
  readonly port: number;
  /** Description of the outbound rule: what is reached. */
  readonly destination: string;
  /** Description of the inbound rule: who reaches it. */
  readonly source: string;
}

/** A security group that lets nothing in or out but by the rules that its methods make. */
export class DbwardSecurityGroup extends ec2.SecurityGroup {
  constructor(scope: Construct, id: string, props: DbwardSecurityGroupProps) {
    super(scope, id, { ...props, allowAllOutbound: false });
  }

  /** @param destination what is reached, for the reader of the rule */
  allowHttps(destination: string): void {
    this.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), destination);
  }

  allowDns(): void {
    this.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(53), "DNS");
    this.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.udp(53), "DNS");
  }

  /**
   * Opens a port of another group to this one, by rules on both sides. The rule on the other side is a child
   * of `scope`, with an id of its own, so that it goes with the stack of whoever needs it.
   *
   * `Connections.allowTo` names its rules by the paths of both groups: with other ids CloudFormation would
   * create the rules of a deployed stage again before it removes the former ones, and EC2 refuses a rule that
   * exists.
   *
   * @returns the rule on the other side: what uses the way at once has to depend on it
   */
  allowTo(scope: Construct, id: string, way: Way): ec2.CfnSecurityGroupIngress {
    const { to, port, destination, source } = way;
    this.addEgressRule(ec2.Peer.securityGroupId(to.securityGroupId), ec2.Port.tcp(port), destination);
    return new ec2.CfnSecurityGroupIngress(scope, id, {
      groupId: to.securityGroupId,
      sourceSecurityGroupId: this.securityGroupId,
      ipProtocol: "tcp",
      fromPort: port,
      toPort: port,
      description: source,
    });
  }
}
