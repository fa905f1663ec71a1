import {
  DescribeLoadBalancerAttributesCommand,
  DescribeLoadBalancersCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import type { StageSettings } from "@dbward-aws/settings";
import { type AwsClients, ifThere, type LiveStack, resourceIds } from "@dbward-aws/stage";
import { DELETION_PROTECTION } from "../termination-protection.ts";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

/**
 * A deployment removes no load balancer that is protected against deletion: CloudFormation would find out only after everything
 * else has changed, and leave it behind.
 */
export async function checkLoadBalancer(
  settings: StageSettings,
  stacks: readonly LiveStack[],
  { loadBalancers }: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const server = stacks.find(({ id }) => id === "Server");
  const wanted = settings.server.loadBalancer?.scheme;
  for (const arn of resourceIds(server, "AWS::ElasticLoadBalancingV2::LoadBalancer"))
    await unlessDenied(
      "Whether the load balancer may be removed",
      "elasticloadbalancing:DescribeLoadBalancers and DescribeLoadBalancerAttributes",
      findings,
      async () => {
        const what = `Looking up load balancer ${arn}`;
        const gone = "LoadBalancerNotFoundException";
        const found = await ifThere(
          what,
          loadBalancers.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [arn] })),
          gone,
        );
        const scheme = found?.LoadBalancers?.[0]?.Scheme;
        if (scheme === undefined || scheme === wanted) return;
        const attributes = await ifThere(
          what,
          loadBalancers.send(new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn: arn })),
          gone,
        );
        if (attributes?.Attributes?.some(({ Key, Value }) => Key === DELETION_PROTECTION && Value === "true"))
          findings.refuse(
            `stages.${settings.stage}.server.loadBalancer: these settings ${wanted === undefined ? "remove" : "replace"} the ` +
              `${scheme} load balancer ${arn}, which is protected against deletion. Deploy the former settings with ` +
              "terminationProtection: false first, then these",
          );
      },
    );
}
