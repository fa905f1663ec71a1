import { ArnFormat, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";

const NETWORK_INTERFACES = [
  "ec2:CreateNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:DeleteNetworkInterface",
  "ec2:AssignPrivateIpAddresses",
  "ec2:UnassignPrivateIpAddresses",
];

/** What the role of a function in a VPC needs: network interfaces for Lambda, and none for the function's own code. */
export function functionInVpc(scope: Construct, functionName: string): iam.PolicyStatement[] {
  const thisFunction = Stack.of(scope).formatArn({
    service: "lambda",
    resource: "function",
    resourceName: functionName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  return [
    new iam.PolicyStatement({
      sid: "LambdaMakesNetworkInterfaces",
      actions: NETWORK_INTERFACES,
      resources: ["*"],
    }),
    new iam.PolicyStatement({
      sid: "CodeMakesNoNetworkInterfaces",
      effect: iam.Effect.DENY,
      actions: NETWORK_INTERFACES,
      resources: ["*"],
      conditions: { ArnEquals: { "lambda:SourceFunctionArn": thisFunction } },
    }),
  ];
}
