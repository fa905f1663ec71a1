import { DescribeAddressesCommand, DescribeVpcsCommand } from "@aws-sdk/client-ec2";
import { GetServiceQuotaCommand } from "@aws-sdk/client-service-quotas";
import { stageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { type AwsClients, during, findStack, ifThere } from "@dbward-aws/stage";
import type { AccountClients } from "./account-clients.ts";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

/** A quota of the account in the region, by its codes in Service Quotas. */
interface Quota {
  readonly name: string;
  readonly service: string;
  readonly code: string;
}

const FARGATE_VCPUS: Quota = {
  name: "Fargate On-Demand vCPU resource count",
  service: "fargate",
  code: "L-3032A538",
};
const SPOT_VCPUS: Quota = {
  name: "Fargate Spot vCPU resource count",
  service: "fargate",
  code: "L-36FBB829",
};
const ELASTIC_IPS: Quota = { name: "EC2-VPC Elastic IPs", service: "ec2", code: "L-0263D0A3" };
const VPCS: Quota = { name: "VPCs per Region", service: "vpc", code: "L-F678F1CE" };

/** CPU units of a vCPU. */
const UNITS = 1024;

/** The account has room for what the stage makes: a new account has few vCPUs of Fargate, and five VPCs and addresses a region. */
export async function checkQuotas(
  settings: StageSettings,
  clients: AwsClients & AccountClients,
  findings: PreflightFindings,
): Promise<void> {
  const { onDemand, spot } = vcpus(settings);
  await checkRoom(
    FARGATE_VCPUS,
    onDemand,
    "vCPUs for the server and its agents",
    async () => 0,
    clients,
    findings,
  );
  if (spot > 0)
    await checkRoom(SPOT_VCPUS, spot, "vCPUs of Spot for agents", async () => 0, clients, findings);
  const { network } = settings;
  if (network.kind !== "new" || (await findStack(clients, stageNames(settings.stage).stack("State")))) return;
  await checkRoom(
    VPCS,
    1,
    "VPC",
    () => countVpcs(clients),
    clients,
    findings,
    "or name an existing network (network.vpcId)",
  );
  if (network.egress === "nat")
    await checkRoom(
      ELASTIC_IPS,
      network.availabilityZones,
      "addresses for NAT gateways",
      () => countAddresses(clients),
      clients,
      findings,
      "or set network.availabilityZones to 2, or another network.egress",
    );
}

/** All tasks at once; a deployment runs an agent's new tasks beside its old ones, one after the other where there is no room. */
function vcpus({ server, agents }: StageSettings): { onDemand: number; spot: number } {
  const sumOf = (provider: string) =>
    agents
      .filter(({ capacityProvider }) => capacityProvider === provider)
      .reduce((sum, { cpu, desiredCount, scaling }) => sum + cpu * (scaling?.max ?? desiredCount), 0);
  return { onDemand: (server.cpu + sumOf("FARGATE")) / UNITS, spot: sumOf("FARGATE_SPOT") / UNITS };
}

async function checkRoom(
  { name, service, code }: Quota,
  needed: number,
  what: string,
  countUsed: () => Promise<number>,
  { quotas }: AccountClients,
  findings: PreflightFindings,
  otherwise = "or run fewer or smaller tasks",
): Promise<void> {
  const room = await unlessDenied(`Quota "${name}"`, "servicequotas:GetServiceQuota", findings, async () => {
    // A region may not have the quota under this code.
    const answer = await ifThere(
      `Reading the quota "${name}"`,
      quotas.send(new GetServiceQuotaCommand({ ServiceCode: service, QuotaCode: code })),
      "NoSuchResourceException",
    );
    return { limit: answer?.Quota?.Value, used: await countUsed() };
  });
  if (room?.limit === undefined || room.used + needed <= room.limit) return;
  findings.refuse(
    `The stage needs ${needed} ${what}, and quota "${name}" (${service}, ${code}) leaves ${Math.max(0, room.limit - room.used)} of ${room.limit}. ` +
      `Ask for more: aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} ` +
      `--desired-value ${Math.ceil(room.used + needed)} --region ${await quotas.config.region()}; ${otherwise}`,
  );
}

async function countVpcs({ ec2 }: AwsClients): Promise<number> {
  const { Vpcs = [] } = await during("Counting the VPCs", ec2.send(new DescribeVpcsCommand({})));
  return Vpcs.length;
}

async function countAddresses({ ec2 }: AwsClients): Promise<number> {
  const { Addresses = [] } = await during(
    "Counting the Elastic IPs",
    ec2.send(new DescribeAddressesCommand({})),
  );
  return Addresses.length;
}
