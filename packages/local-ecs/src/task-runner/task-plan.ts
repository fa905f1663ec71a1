import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Credentials, EmulatorAccess, RoleSession } from "@dbward-aws/local-account";
import type { CommandView } from "../exec-gateway/index.ts";
import type { ContainerOverride, TaskRecord } from "./ecs-records.ts";
import { accessPointPath } from "./emulated-api.ts";
import { healthCheckWords } from "./health-check.ts";
import { imageVersion } from "./image-version.ts";
import { resolveSecret, type SecretSources } from "./secrets.ts";
import type { ContainerDefinition, TaskDefinition, VolumeDefinition } from "./task-definition.ts";
import type { TaskNetwork } from "./task-network.ts";
import { type ServiceAddress, TaskView } from "./task-view.ts";

/** What the local stage has for tasks to run in. */
export interface TaskSurroundings {
  /** Of the local stage. */
  readonly directory: string;
  /** Folder with dbward's programs. */
  readonly programs: string;
  /** Files that a program of this machine has at a place of its own, whatever its task definition says. */
  readonly keptPaths: readonly string[];
  readonly access: EmulatorAccess;
  /** Keys of a task's role, and the path at which its programs get them at the account's endpoint. */
  keysOf(session: RoleSession): { readonly keys: Required<Credentials>; readonly path: string };
  /** Loopback port of a container's port; the same one for all tasks of a service. */
  port(task: TaskRecord, containerPort: number): Promise<number>;
  /** Which ways the network of tasks opens. */
  readonly network: TaskNetwork;
  /** Ports of the services that a task can reach. */
  addresses(task: TaskRecord): readonly ServiceAddress[];
}

/** One container of a task, ready to be started. */
export interface ContainerPlan extends CommandView {
  readonly definition: ContainerDefinition;
  readonly words: readonly string[];
  readonly healthCheckWords: readonly string[] | undefined;
}

/** Folder of a task's own files, removed when it has ended. */
export function taskFolder(directory: string, taskArn: string): string {
  return path.join(directory, "tasks", taskArn.split("/").at(-1)!);
}

/** What a task's own roles provide. */
export interface TaskGrants {
  /** Clients with the execution role's keys. */
  readonly secrets: SecretSources;
  /** The task's role; `undefined` when it has none. */
  readonly session: RoleSession | undefined;
}

/**
 * Works out how the containers of a task run here: secrets read, paths and addresses translated.
 *
 * @throws TaskStartFailed when a secret can't be read, or a way that the start needs is closed
 */
export async function planTask(
  task: TaskRecord,
  definition: TaskDefinition,
  surroundings: TaskSurroundings,
  grants: TaskGrants,
): Promise<ContainerPlan[]> {
  const { network } = surroundings;
  await network.check(task, definition);
  const volumes = new Map<string, string>();
  for (const volume of definition.volumes) await network.checkMount(task, volume);
  for (const volume of definition.volumes)
    volumes.set(volume.name, await volumePath(task, volume, surroundings));
  const ports = new Map<number, number>();
  for (const { containerPort } of definition.containerDefinitions.flatMap((it) => it.portMappings ?? []))
    ports.set(containerPort, await surroundings.port(task, containerPort));
  return Promise.all(
    definition.containerDefinitions.map((container) =>
      planContainer(task, container, volumes, ports, surroundings, grants),
    ),
  );
}

async function planContainer(
  task: TaskRecord,
  definition: ContainerDefinition,
  volumes: ReadonlyMap<string, string>,
  ports: ReadonlyMap<number, number>,
  surroundings: TaskSurroundings,
  grants: TaskGrants,
): Promise<ContainerPlan> {
  const directory = path.join(taskFolder(surroundings.directory, task.taskArn), definition.name);
  const temporary = path.join(directory, "tmp");
  mkdirSync(temporary, { recursive: true });
  const paths = new Map([["/tmp", temporary]]);
  for (const { sourceVolume, containerPath } of definition.mountPoints ?? []) {
    const volume = volumes.get(sourceVolume);
    if (volume) paths.set(containerPath.replace(/\/+$/, ""), volume);
  }
  const { network, addresses } = surroundings;
  const view = new TaskView({
    paths,
    keptPaths: surroundings.keptPaths,
    ports,
    services: await network.addresses(task, addresses(task)),
    awsEndpoint: surroundings.access.endpoint,
  });
  const translate = (text: string) => view.translate(text);
  const override = task.overrides?.containerOverrides?.find(({ name }) => name === definition.name);
  const { healthCheck } = definition;
  return {
    definition,
    directory,
    translate,
    environment: await containerEnvironment(
      task,
      definition,
      override,
      temporary,
      translate,
      surroundings,
      grants,
    ),
    words: containerCommand(definition, override).map(translate),
    healthCheckWords:
      healthCheck && healthCheck.command[0] !== "NONE"
        ? healthCheckWords(healthCheck.command).map(translate)
        : undefined,
  };
}

/** What a container runs. Without any command it is the program that its image is named after. */
export function containerCommand(
  { entryPoint = [], command = [], image }: ContainerDefinition,
  override?: ContainerOverride,
): readonly string[] {
  const words = [...entryPoint, ...(override?.command ?? command)];
  if (words.length > 0) return words;
  const repository = image.split("@")[0]!.split("/").at(-1)!;
  return [repository.split(":")[0]!];
}

/**
 * A container's environment: its own variables and secrets, and what ECS puts in. Nothing of ours but the way
 * to the programs of this machine.
 */
async function containerEnvironment(
  task: TaskRecord,
  definition: ContainerDefinition,
  override: ContainerOverride | undefined,
  temporary: string,
  translate: (text: string) => string,
  { programs, access, keysOf, network }: TaskSurroundings,
  { secrets, session }: TaskGrants,
): Promise<Record<string, string>> {
  const own = Object.fromEntries(
    [...(definition.environment ?? []), ...(override?.environment ?? [])].map(({ name, value }) => [
      name,
      value,
    ]),
  );
  for (const { name, valueFrom } of definition.secrets ?? [])
    own[name] = await network.databaseUrl(task, valueFrom, await resolveSecret(valueFrom, secrets));
  const taskId = task.taskArn.split("/").at(-1)!;
  return {
    PATH: [programs, process.env.PATH].join(path.delimiter),
    HOME: path.dirname(temporary),
    HOSTNAME: taskId,
    TMPDIR: temporary,
    ...standInEnvironment(definition.image, temporary),
    AWS_REGION: access.region,
    AWS_DEFAULT_REGION: access.region,
    AWS_ENDPOINT_URL: access.endpoint,
    // The emulated account has no TLS, and the S3 client of dbward's server refuses plain HTTP without this.
    AWS_ALLOW_HTTP: "true",
    ...(session ? roleEnvironment(keysOf(session)) : {}),
    ...Object.fromEntries(Object.entries(own).map(([name, value]) => [name, translate(value)])),
  };
}

/**
 * The address that belongs to the path is translated in commands; programs that have it built in take the
 * keys.
 */
function roleEnvironment({ keys, path }: ReturnType<TaskSurroundings["keysOf"]>): Record<string, string> {
  return {
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: path,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_SESSION_TOKEN: keys.sessionToken,
  };
}

/** What the stand-in can't know by itself; the real programs don't look at it. */
function standInEnvironment(image: string, temporary: string): Record<string, string> {
  const version = imageVersion(image);
  return {
    // Where it keeps the files that dbward-agent has in /tmp.
    DBWARD_STANDIN_TMP: temporary,
    // Clients on this machine need no 20 s to go elsewhere, and the deployment waits for the drain.
    DBWARD_STANDIN_DRAIN_MS: process.env.DBWARD_STANDIN_DRAIN_MS ?? "2000",
    ...(version === undefined ? {} : { DBWARD_STANDIN_VERSION: version }),
  };
}

async function volumePath(
  task: TaskRecord,
  { name, efsVolumeConfiguration: efs }: VolumeDefinition,
  { directory, access }: TaskSurroundings,
): Promise<string> {
  const folder = efs
    ? path.join(
        directory,
        "efs",
        efs.fileSystemId.split("/").at(-1)!,
        efs.authorizationConfig?.accessPointId
          ? await accessPointPath(access, efs.authorizationConfig.accessPointId)
          : (efs.rootDirectory ?? "/"),
      )
    : path.join(taskFolder(directory, task.taskArn), "volumes", name);
  mkdirSync(folder, { recursive: true });
  return folder.replace(/\/+$/, "");
}
