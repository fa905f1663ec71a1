import type { ActionOptions, Progress } from "@dbward-aws/cli";
import type { AwsClients } from "@dbward-aws/stage";
import { deployStage, waitForStacks } from "../deploy-stage.ts";
import { desiredTasks, type ServiceName, startService, stopService } from "../service-control.ts";
import { servicesOf } from "../services.ts";
import { waitUntilUnmounted } from "../wait-until-unmounted.ts";
import { type AdoptContext, type AdoptRequest, contextOf } from "./adopt-context.ts";
import type { AdoptionRecord } from "./adoption-record.ts";
import type { CutOverSteps, Side } from "./cut-over.ts";
import { retainInStack } from "./retain-in-stack.ts";
import type { StackResource } from "./stack-resources.ts";
import { verifyStage } from "./verify.ts";

/** {@link CutOverSteps}, with the clients that they use. */
export interface Steps extends CutOverSteps {
  readonly clients: AwsClients;
}

/** The steps of an adoption, with the services of both sides. */
export async function stepsFor(
  context: AdoptContext,
  record: AdoptionRecord,
  { tool }: AdoptRequest,
  { json }: ActionOptions,
  progress: Progress,
): Promise<Steps> {
  const { signal } = context.io;
  const stage = await contextOf(context);
  const { clients, names, settings } = stage;
  const own = (service: string) => ({ cluster: names.cluster, service });
  const [server, ...agents] = servicesOf(settings, names).map(({ service, tasks }) => ({
    ...own(service),
    tasks,
  }));
  const stop = (service: ServiceName) => {
    progress.step(`Stopping service ${service.service} of cluster ${service.cluster}`);
    return stopService({ clients, signal }, service);
  };
  const start = (service: ServiceName & { readonly tasks: number }) => {
    progress.step(`Starting service ${service.service} of cluster ${service.cluster}`);
    return startService({ clients, signal }, service, service.tasks);
  };
  const side = (
    first: ServiceName & { readonly tasks: number },
    others: readonly (ServiceName & { readonly tasks: number })[],
    isStage: boolean,
  ): Side => ({
    async stop() {
      if (isStage) await waitForStacks(stage, progress);
      // Agents first, so that they end what they run, and the server gets its results.
      await Promise.all(others.map(stop));
      await stop(first);
    },
    async start() {
      if (isStage) await waitForStacks(stage, progress);
      for (const services of [[first], others])
        await Promise.all(
          services.map(async (service) => {
            if (service.tasks > 0 && (!isStage || (await desiredTasks(clients, service)) === 0))
              await start(service);
          }),
        );
    },
  });
  return {
    clients,
    former: side(record.server, record.agents, false),
    stage: side(server!, agents, true),
    async awaitUnmounted() {
      // Once the stage's own server has it mounted, EFS can't tell whose client it is.
      if ((await desiredTasks(clients, server!)) ?? 0) return;
      await waitUntilUnmounted(stage, record.fileSystemId, progress);
    },
    async deploy() {
      await deployStage(stage, { ...tool, json }, progress);
    },
    async verify() {
      progress.step("Comparing what the server has");
      await verifyStage(stage, record);
    },
    async retain() {
      for (const name of record.stacks) {
        progress.step(`Retaining what the stage uses in ${name}`);
        await retainInStack(clients, name, isUsedBy(record), signal);
      }
    },
  };
}

/** The bucket's policy belongs to the bucket, and refuses plain HTTP. */
function isUsedBy({ fileSystemId, mountTargetGroup }: AdoptionRecord): (resource: StackResource) => boolean {
  const types = [
    "AWS::EFS::AccessPoint",
    "AWS::EFS::MountTarget",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
  ];
  return ({ type, id }) => types.includes(type) || id === fileSystemId || id === mountTargetGroup;
}
