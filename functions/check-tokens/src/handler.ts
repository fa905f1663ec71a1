import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { ECSClient } from "@aws-sdk/client-ecs";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { createLogger } from "@dbward-aws/core";
import { DbwardClient } from "@dbward-aws/dbward-client";
import { ApiPublisher, EmfPublisher } from "@dbward-aws/metric-publisher";
import type { Context } from "aws-lambda";
import { readEnvironment } from "./environment.ts";
import { runTask } from "./run-task.ts";

const CLIENT = { maxAttempts: 3, requestHandler: { connectionTimeout: 5_000, requestTimeout: 15_000 } };

const settings = readEnvironment(process.env);
const stage = {
  settings,
  server: new DbwardClient({ url: settings.serverUrl }),
  secrets: new SecretsManagerClient(CLIENT),
  ecs: new ECSClient(CLIENT),
  logger: createLogger(),
};
const publisher =
  settings.publisher === "emf"
    ? new EmfPublisher(settings.stage)
    : new ApiPublisher(new CloudWatchClient(CLIENT), settings.stage);

/** Called by two rules, each with one of `TOKEN_CHECK_EVENTS`. */
export async function handler(
  event: unknown,
  context: Pick<Context, "getRemainingTimeInMillis">,
): Promise<void> {
  await runTask(stage, publisher, event, context.getRemainingTimeInMillis());
}
