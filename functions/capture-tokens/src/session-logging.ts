import { DescribeClustersCommand, type ECSClient } from "@aws-sdk/client-ecs";
import { SessionsAreLogged } from "./errors.ts";

/**
 * Makes sure that the cluster keeps no record of what is said in exec sessions. A cluster that says nothing about it has DEFAULT, which
 * writes to the container's own log.
 *
 * @throws {@link SessionsAreLogged}
 */
export async function refuseSessionLogging(cluster: string, ecs: ECSClient): Promise<void> {
  const { clusters } = await ecs.send(
    new DescribeClustersCommand({ clusters: [cluster], include: ["CONFIGURATIONS"] }),
  );
  const logging = clusters?.[0]?.configuration?.executeCommandConfiguration?.logging ?? "DEFAULT";
  if (logging !== "NONE") throw new SessionsAreLogged(logging);
}
