import { type Cluster, DescribeClustersCommand } from "@aws-sdk/client-ecs";
import type { StageNames } from "@dbward-aws/contract";
import { clusterName, namesOf, type StageSettings } from "@dbward-aws/settings";
import { type AwsClients, ifThere, type LiveStack, resourceIds } from "@dbward-aws/stage";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

/**
 * An existing cluster must be there with the capacity providers that agents use, and must not keep the tokens that a capture
 * reads. No deployed stage moves to another cluster.
 *
 * @param names cluster and services as they are deployed
 */
export async function checkCluster(
  settings: StageSettings,
  names: StageNames,
  stacks: readonly LiveStack[],
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  checkClusterMove(settings, names, stacks, findings);
  const { cluster: wanted } = settings;
  if (wanted === undefined) return;
  const what = `Cluster ${clusterName(wanted)} (cluster)`;
  await unlessDenied(what, "ecs:DescribeClusters", findings, async () => {
    const answer = await ifThere(
      `Looking up cluster ${wanted}`,
      clients.ecs.send(new DescribeClustersCommand({ clusters: [wanted], include: ["CONFIGURATIONS"] })),
      // The ARN of another account's cluster.
      "InvalidParameterException",
      "ClusterNotFoundException",
    );
    const found = answer?.clusters?.[0];
    if (found?.status === "ACTIVE") {
      checkProviders(settings, what, found, await clients.ecs.config.region(), findings);
      checkSessions(settings, what, found, findings);
    } else
      findings.refuse(
        found
          ? `${what} is ${found.status}, not ACTIVE`
          : `${what} doesn't exist in this account and region. Name one that does, or leave the setting out: the deployment then creates one`,
      );
  });
}

/**
 * No deployed stage moves to another cluster: CloudFormation replaces a service whose cluster changes, and starts the new one first: two servers on one
 * database.
 */
export function checkClusterMove(
  settings: StageSettings,
  { cluster }: StageNames,
  stacks: readonly LiveStack[],
  findings: PreflightFindings,
): void {
  const server = stacks.find(({ id }) => id === "Server");
  const wanted = namesOf(settings).cluster;
  if (wanted === cluster || resourceIds(server, "AWS::ECS::Service").length === 0) return;
  findings.refuse(
    `The stage runs in cluster ${cluster}, and these settings are for ${wanted}. A service can't move: a second server would start ` +
      "on the same database before the first one stops. Leave the setting as it was, or remove the stage, which keeps its state, and deploy it again " +
      "on the file system that was kept",
  );
}

function checkProviders(
  { agents }: StageSettings,
  what: string,
  { clusterName: name, capacityProviders = [], defaultCapacityProviderStrategy = [] }: Cluster,
  region: string,
  findings: PreflightFindings,
): void {
  const missing = [...new Set(agents.map(({ capacityProvider }) => capacityProvider))].filter(
    (provider) => !capacityProviders.includes(provider),
  );
  if (missing.length === 0) return;
  // The call replaces the whole list and the default, so that it has to repeat both.
  const strategy = defaultCapacityProviderStrategy.map(
    ({ capacityProvider, weight = 0, base = 0 }) =>
      `capacityProvider=${capacityProvider},weight=${weight},base=${base}`,
  );
  findings.refuse(
    `${what} has no capacity provider ${missing.join(" and ")}, which agents use. Run: aws ecs put-cluster-capacity-providers ` +
      `--cluster ${name} --capacity-providers ${[...capacityProviders, ...missing].join(" ")} ` +
      `--default-capacity-provider-strategy ${strategy.join(" ") || "[]"} --region ${region}`,
  );
}

/** What the cluster does with sessions of ECS Exec, in one of which the tokens are read. */
function checkSessions(
  { capture, agents }: StageSettings,
  what: string,
  { configuration }: Cluster,
  findings: PreflightFindings,
): void {
  // A cluster without this setting has DEFAULT, which writes to the container's own log.
  const { logging = "DEFAULT", kmsKeyId } = configuration?.executeCommandConfiguration ?? {};
  if (capture.method === "exec" && logging !== "NONE" && !capture.allowSessionLogging)
    findings.refuse(
      `${what} logs its ECS Exec sessions (logging: ${logging}), and the tokens would be in that log. Set logging to NONE in its ` +
        'executeCommandConfiguration, or capture.method to "task", or capture.allowSessionLogging to true',
    );
  if (kmsKeyId === undefined) return;
  if (capture.method === "exec")
    findings.refuse(
      `${what} encrypts its ECS Exec sessions with key ${kmsKeyId}, for which the roles of the stage have no rights: set capture.method to "task"`,
    );
  for (const { name } of agents.filter(({ ecsExec }) => ecsExec))
    findings.refuse(
      `${what} encrypts its ECS Exec sessions with key ${kmsKeyId}, for which the roles of the stage have no rights: set ecsExec of agent ${name} to false`,
    );
}
