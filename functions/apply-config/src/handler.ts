import { ECSClient } from "@aws-sdk/client-ecs";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SNSClient } from "@aws-sdk/client-sns";
import { SSMClient } from "@aws-sdk/client-ssm";
import { createLogger, Deadline } from "@dbward-aws/core";
import type { Context } from "aws-lambda";
import { type Applier, apply } from "./apply.ts";
import { DeployedServices } from "./deployed-services.ts";
import { readEnvironment } from "./environment.ts";
import { RunState } from "./run-state.ts";
import { StoredValues } from "./stored-values.ts";

const CLIENT = { maxAttempts: 3, requestHandler: { connectionTimeout: 2_000 } };
/** Milliseconds that are left for the log when a call hangs. */
const RESERVE_MS = 2_000;

const settings = readEnvironment(process.env);
const ecs = new ECSClient(CLIENT);
const ssm = new SSMClient(CLIENT);
const logger = createLogger();
const applier: Applier = {
  settings,
  ecs,
  ssm,
  sns: new SNSClient(CLIENT),
  services: new DeployedServices(ecs, settings),
  values: new StoredValues(new SecretsManagerClient(CLIENT), ssm, logger),
  state: new RunState(ssm, settings.stateParameter),
  logger,
  now: () => new Date(),
};

/** Called by the schedule and by events; what the event says is not used. */
export async function handler(
  _event: unknown,
  context: Pick<Context, "getRemainingTimeInMillis">,
): Promise<void> {
  await apply(applier, Deadline.after(context.getRemainingTimeInMillis() - RESERVE_MS));
}
