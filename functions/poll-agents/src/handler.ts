import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { ECSClient } from "@aws-sdk/client-ecs";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { createLogger } from "@dbward-aws/core";
import { DbwardClient } from "@dbward-aws/dbward-client";
import type { Context, EventBridgeEvent } from "aws-lambda";
import { ApiPublisher } from "./api-publisher.ts";
import { EmfPublisher } from "./emf-publisher.ts";
import { readEnvironment } from "./environment.ts";
import { type Poller, poll } from "./poll.ts";
import { countTasks } from "./task-counts.ts";
import { TokenSource } from "./token-source.ts";

/** An endpoint that isn't reachable is given up soon enough for another try within the deadline. */
const CLIENT = { maxAttempts: 2, requestHandler: { connectionTimeout: 2_000 } };

const settings = readEnvironment(process.env);
const { services } = settings;
const ecs = new ECSClient(CLIENT);
const poller: Poller = {
  settings,
  sources: {
    server: new DbwardClient({ url: settings.serverUrl }),
    tokens: new TokenSource(new SecretsManagerClient(CLIENT), settings.tokenSecret),
    ...(services ? { countTasks: (deadline) => countTasks(ecs, services, deadline) } : {}),
  },
  publisher:
    settings.publisher === "emf"
      ? new EmfPublisher(settings.stage)
      : new ApiPublisher(new CloudWatchClient(CLIENT), settings.stage),
  logger: createLogger(),
};

/** Started by the schedule; the event says nothing that matters. */
export async function handler(
  _event: EventBridgeEvent<"Scheduled Event", unknown>,
  context: Pick<Context, "getRemainingTimeInMillis">,
): Promise<void> {
  await poll(poller, context.getRemainingTimeInMillis());
}
