import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { ECSClient } from "@aws-sdk/client-ecs";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { createLogger } from "@dbward-aws/core";
import { DbwardClient } from "@dbward-aws/dbward-client";
import { ApiPublisher, EmfPublisher } from "@dbward-aws/metric-publisher";
import type { Context, EventBridgeEvent } from "aws-lambda";
import { AgentScaler } from "./agent-scaler.ts";
import { readEnvironment } from "./environment.ts";
import { type Poller, poll } from "./poll.ts";
import { scaleAgents } from "./scale-agents.ts";
import { AwaitedServices, countTasks } from "./task-counts.ts";
import { TokenSource } from "./token-source.ts";

/** With a short connection timeout, there is time for a second attempt before the deadline. */
const CLIENT = { maxAttempts: 2, requestHandler: { connectionTimeout: 2_000 } };

const settings = readEnvironment(process.env);
const { services } = settings;
const ecs = new ECSClient(CLIENT);
const awaited = new AwaitedServices();
const scaler = new AgentScaler(settings.agents);
const logger = createLogger();
const poller: Poller = {
  settings,
  sources: {
    server: new DbwardClient({ url: settings.serverUrl }),
    tokens: new TokenSource(new SecretsManagerClient(CLIENT), settings.tokenSecret),
    ...(services ? { countTasks: (deadline) => countTasks(ecs, services, deadline, awaited) } : {}),
  },
  publisher:
    settings.publisher === "emf"
      ? new EmfPublisher(settings.stage)
      : new ApiPublisher(new CloudWatchClient(CLIENT), settings.stage),
  ...(services && {
    scale: (snapshot, deadline) => scaleAgents(ecs, services, scaler.steps(snapshot), logger, deadline),
  }),
  logger,
};

/** Called by the schedule; the event is not used. */
export async function handler(
  _event: EventBridgeEvent<"Scheduled Event", unknown>,
  context: Pick<Context, "getRemainingTimeInMillis">,
): Promise<void> {
  await poll(poller, context.getRemainingTimeInMillis());
}
