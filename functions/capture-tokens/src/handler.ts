import { ECSClient } from "@aws-sdk/client-ecs";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { createLogger, Deadline } from "@dbward-aws/core";
import { EcsExec } from "@dbward-aws/ecs-exec";
import type { CloudFormationCustomResourceEvent, Context } from "aws-lambda";
import { answer } from "./answer.ts";
import { createLogReader } from "./log-reader.ts";
import { lazyResumer } from "./session-resumer.ts";
import { PATIENCE } from "./tools.ts";

/** Milliseconds reserved for explaining a failure and for the answer to CloudFormation. */
const RESERVE_MS = 45_000;

const ecs = new ECSClient({});
const secrets = new SecretsManagerClient({ maxAttempts: 8 });
const logger = createLogger();
const exec = new EcsExec({ ecs, logger, ssm: lazyResumer });

/** The custom resource `Custom::DbwardTokenCapture`. */
export async function handler(event: CloudFormationCustomResourceEvent, context: Context): Promise<void> {
  const remaining = context.getRemainingTimeInMillis();
  await answer(
    event,
    {
      ecs,
      secrets,
      exec,
      logs: createLogReader(),
      logger,
      deadline: Deadline.after(remaining - RESERVE_MS),
      patience: PATIENCE,
    },
    Deadline.after(remaining - 1_000),
  );
}
