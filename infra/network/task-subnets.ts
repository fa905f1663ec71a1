import { Token } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import type { PropProblems } from "../prop-problems.ts";

/**
 * Where tasks run when the props say nothing: one private subnet with a way out in each availability zone.
 */
export const DEFAULT_SUBNETS: ec2.SubnetSelection = {
  subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS,
  onePerAz: true,
};

/**
 * Reports a selection without a subnet, and one in which EFS could not create a mount target for each subnet.
 */
export function checkMountSubnets(
  problems: PropProblems,
  vpc: ec2.IVpc,
  selection: ec2.SubnetSelection,
): void {
  const zones = vpc.selectSubnets(selection).subnets.map((subnet) => subnet.availabilityZone);
  problems.expect(zones.length > 0, "vpcSubnets", "must select at least one subnet");
  const known = zones.filter((zone) => !Token.isUnresolved(zone));
  for (const zone of new Set(known.filter((each, at) => known.indexOf(each) !== at)))
    problems.expect(
      false,
      "vpcSubnets",
      `must select one subnet in each availability zone, not several in ${zone}: EFS takes one mount target a zone`,
    );
}
