import { DescribeClustersCommand } from "@aws-sdk/client-ecs";
import { SessionsAreLogged } from "./errors.ts";
import { mustBeAllowed } from "./rights.ts";
import type { Tools } from "./tools.ts";

/**
 * Checks that the cluster does not log the content of exec sessions. A cluster without this setting has
 * DEFAULT, which writes to the container's own log.
 *
 * @throws {@link SessionsAreLogged}, {@link AccessRefused}
 */
export async function refuseSessionLogging(cluster: string, tools: Tools): Promise<void> {
  const command = new DescribeClustersCommand({ clusters: [cluster], include: ["CONFIGURATIONS"] });
  const { clusters } = await mustBeAllowed("ecs:DescribeClusters", () => tools.ecs.send(command), tools);
  const logging = clusters?.[0]?.configuration?.executeCommandConfiguration?.logging ?? "DEFAULT";
  if (logging !== "NONE") throw new SessionsAreLogged(logging);
}
