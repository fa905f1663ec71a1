import { METRIC_NAMESPACE, type Publisher } from "@dbward-aws/contract";
import * as iam from "aws-cdk-lib/aws-iam";

/** What the role of a function needs to publish metrics: nothing where they come out of its log. */
export function publishMetrics(publisher: Publisher): iam.PolicyStatement[] {
  if (publisher !== "api") return [];
  return [
    new iam.PolicyStatement({
      sid: "PublishMetrics",
      actions: ["cloudwatch:PutMetricData"],
      resources: ["*"],
      conditions: { StringEquals: { "cloudwatch:namespace": METRIC_NAMESPACE } },
    }),
  ];
}
