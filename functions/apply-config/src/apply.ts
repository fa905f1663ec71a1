import { type ECSClient, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import type { SSMClient } from "@aws-sdk/client-ssm";
import type { ApplyState, RefusedConfig } from "@dbward-aws/contract";
import type { Deadline, Logger } from "@dbward-aws/core";
import type { DeployedService, DeployedServices } from "./deployed-services.ts";
import type { ApplySettings } from "./environment.ts";
import { during } from "./errors.ts";
import { type Message, messagesOf } from "./notices.ts";
import { plan, type SeenService } from "./plan.ts";
import { isClaimed, type RunState } from "./run-state.ts";
import {
  type CurrentText,
  type CurrentValue,
  keyOf,
  nameOfParameter,
  type StoredValues,
} from "./stored-values.ts";

/** What a run needs. */
export interface Applier {
  readonly settings: ApplySettings;
  readonly ecs: ECSClient;
  readonly ssm: SSMClient;
  readonly sns: SNSClient;
  readonly services: DeployedServices;
  readonly values: StoredValues;
  readonly state: RunState;
  readonly logger: Logger;
  readonly now: () => Date;
}

/**
 * One run: compares the values in SSM and Secrets Manager with the tasks of the stage, and replaces the tasks
 * of one service that has former ones. It reads everything anew, so that it doesn't matter what started it.
 *
 * @throws ApplyCallError when a call fails; then the next run does what this one has not done
 */
export async function apply(applier: Applier, deadline: Deadline): Promise<void> {
  const { settings, services, state, logger } = applier;
  // In this order: a deployment that the state names is among the services then. Otherwise another run's, begun
  // in between, would look like one that has ended without success.
  const before = await state.read(deadline);
  if (isClaimed(before, applier.now())) {
    logger.info("apply.claimed");
    return;
  }
  const deployed = await services.read(deadline);
  const seen = await inspect(applier, deployed, deadline);
  const { state: after, notices, next, verdicts } = plan(seen, before.state);
  if (!(await state.claim(before, after, deadline))) {
    logger.info("apply.overtaken", { verdicts });
    return;
  }
  const told = Object.fromEntries(Object.entries(after).filter(([name]) => name !== next?.name));
  try {
    for (const message of messagesOf(settings.stage, notices)) await publish(applier, message, deadline);
  } catch (error) {
    await state.write(before.state, deadline);
    throw error;
  }
  if (next) await replaceTasks(applier, next, after, told, deadline);
  logger.info("apply.done", { verdicts, replaced: next?.name });
}

/** Finds out what has changed for each service, and whether it would start with it. */
async function inspect(
  { settings, values, ssm }: Applier,
  services: readonly DeployedService[],
  deadline: Deadline,
): Promise<SeenService[]> {
  const configs = new Map<string, Promise<CurrentText | undefined>>();
  for (const { config } of services)
    if (config && !configs.has(config.arn)) configs.set(config.arn, values.text(config, deadline));
  const watched = services.filter(({ agent }) => watchesSecrets(settings, agent));
  const secrets = await values.read(
    watched.flatMap((service) => service.secrets),
    deadline,
  );
  return Promise.all(
    services.map(async (service): Promise<SeenService> => {
      const text = service.config && (await configs.get(service.config.arn));
      const current: CurrentValue[] = watchesSecrets(settings, service.agent)
        ? service.secrets.map((value) => secrets.get(keyOf(value))!)
        : [];
      const changedSecrets = changed(current, service.since);
      const changedConfig = changed(text ? [text] : [], service.since);
      const changes = [...(settings.configuration ? changedConfig : []), ...changedSecrets];
      const missing = current.filter(({ changedAt }) => changedAt === undefined).map(({ title }) => title);
      return { service, changes, missing, refused: await refusal() };

      /** New tasks read the configuration whatever they are started for. */
      async function refusal(): Promise<RefusedConfig | undefined> {
        if (!service.config || (!settings.configuration && changes.length === 0)) return undefined;
        if (!text) return { parameter: nameOfParameter(service.config.arn), version: 0, mistakes: [] };
        if (changedConfig.length === 0) return undefined;
        // With the parser of TOML, it is a quarter of the code, and few runs find a changed configuration.
        const { checkConfig } = await import("./check-config.ts");
        const mistakes = await checkConfig(service, text, ssm, deadline);
        const { parameter, version } = text;
        return mistakes.length === 0 ? undefined : { parameter, version, mistakes };
      }
    }),
  );
}

function watchesSecrets({ secrets }: ApplySettings, agent: string | undefined): boolean {
  return secrets === "all" || (secrets === "agents" && agent !== undefined);
}

function changed(values: readonly CurrentValue[], since: Date): { title: string; changedAt: Date }[] {
  return values.flatMap(({ title, changedAt }) =>
    changedAt && changedAt > since ? [{ title, changedAt }] : [],
  );
}

async function publish(
  { settings, sns, logger }: Applier,
  message: Message,
  { signal }: Deadline,
): Promise<void> {
  const { subject, text } = message;
  logger.warn("apply.notice", { subject, text });
  if (settings.topic === undefined) return;
  await during(
    "Publishing to the stage's topic",
    sns.send(new PublishCommand({ TopicArn: settings.topic, Subject: subject, Message: text }), {
      abortSignal: signal,
    }),
  );
}

/**
 * Has ECS replace the tasks of a service in its own way: the server's one before the next, an agent's after
 * it.
 *
 * @param after the state with this attempt
 * @param without the state without it
 */
async function replaceTasks(
  { settings, ecs, state }: Applier,
  { name }: SeenService["service"],
  after: ApplyState,
  without: ApplyState,
  deadline: Deadline,
): Promise<void> {
  const command = new UpdateServiceCommand({
    cluster: settings.cluster,
    service: name,
    forceNewDeployment: true,
  });
  let id: string | undefined;
  try {
    const { service } = await during(
      `Updating service ${name}`,
      ecs.send(command, { abortSignal: deadline.signal }),
    );
    id = service?.deployments?.find(({ status }) => status === "PRIMARY")?.id;
  } catch (error) {
    await state.write(without, deadline);
    throw error;
  }
  const entry = after[name];
  if (id === undefined || !entry || !("applied" in entry)) return;
  await state.write({ ...after, [name]: { applied: { ...entry.applied, deployment: id } } }, deadline);
}
