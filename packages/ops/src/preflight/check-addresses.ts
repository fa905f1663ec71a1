import type { StageSettings } from "@dbward-aws/settings";
import type { CheckedNetwork } from "./check-network.ts";
import type { PreflightFindings } from "./findings.ts";

/** Addresses that Elastic Load Balancing wants free in each subnet. From its guide of Application Load Balancers. */
const LOAD_BALANCER_ADDRESSES = 8;
/** In each task subnet: a mount target, and the poller's network interface. */
const ADDRESSES_A_SUBNET = 2;

/**
 * An existing network has free addresses for what is deployed into it. A deployment starts new tasks before it stops an agent's
 * old ones.
 *
 * @param isDeployed whether the stage's own resources have their addresses already
 */
export function checkAddresses(
  { server, agents, capture }: StageSettings,
  { existing, described }: CheckedNetwork,
  isDeployed: boolean,
  findings: PreflightFindings,
): void {
  if (!existing || !described) return;
  const free = (id: string) => described.subnets.get(id)?.AvailableIpAddressCount ?? 0;
  const isInternal = server.loadBalancer?.scheme === "internal";
  const each = isDeployed ? 0 : ADDRESSES_A_SUBNET + (isInternal ? LOAD_BALANCER_ADDRESSES : 0);
  const tasks = agents.reduce(
    (sum, { desiredCount, scaling }) => sum + (scaling?.max ?? desiredCount) * (isDeployed ? 1 : 2),
    1,
  );
  const needed = each * existing.subnets.length + tasks + (capture.method === "task" ? 1 : 0);
  const available = existing.subnets.reduce((sum, { id }) => sum + free(id), 0);
  if (available < needed)
    findings.refuse(
      `The subnets (network.subnets) have ${available} free addresses together, and the deployment needs ${needed}: one for each task, ` +
        "new ones beside old ones, and those of mount targets, poller and load balancer. Name larger subnets, or free some addresses",
    );
  for (const { id } of existing.subnets)
    if (free(id) < each)
      findings.refuse(
        `Subnet ${id} (network.subnets) has ${free(id)} free addresses, and the deployment needs ${each} in it before any task`,
      );
  if (server.loadBalancer?.scheme !== "internet-facing" || isDeployed) return;
  for (const { id } of existing.publicSubnets)
    if (free(id) < LOAD_BALANCER_ADDRESSES)
      findings.refuse(
        `Subnet ${id} (network.publicSubnets) has ${free(id)} free addresses, and a load balancer needs ${LOAD_BALANCER_ADDRESSES}`,
      );
}
