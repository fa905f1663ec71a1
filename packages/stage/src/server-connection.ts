import type { Duplex } from "node:stream";
import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import { SERVER } from "@dbward-aws/contract";
import { DbwardError, Deadline, describeError, type Logger } from "@dbward-aws/core";
import { DbwardClient } from "@dbward-aws/dbward-client";
import { AccessDenied, ExecNotEnabled } from "@dbward-aws/ecs-exec";
import { type ForwardedPort, PortForwarder, type PortRequest } from "@dbward-aws/ecs-exec/port";
import type { AwsClients } from "./aws-clients.ts";
import { ifThere } from "./aws-error.ts";

/** Milliseconds between two looks at a service that has no running task yet. */
const LOOK_EVERY = 2_000;
/**
 * Milliseconds for looking a task up and opening a session with it, unless the caller has another deadline.
 */
const OPEN_WITHIN = 120_000;

/** An ECS service, and the container of its tasks that is meant. */
export interface ServiceReference {
  /** Name or ARN of the cluster. */
  readonly cluster: string;
  /** Name of the service. */
  readonly service: string;
  /** Name of the container in the task definition. */
  readonly container: string;
}

/** A container of a task that runs: what `EcsExec` and `PortForwarder` of `@dbward-aws/ecs-exec` take. */
export interface RunningContainer {
  readonly cluster: string;
  /** ARN of the task. */
  readonly task: string;
  readonly container: string;
}

/** How long {@link findRunningContainer} looks. */
export interface FindOptions {
  /**
   * Milliseconds for which a service that has no running task is asked again, as after a restart.
   * @default 0
   */
  readonly waitForTask?: number;
  readonly deadline?: Deadline;
}

/** How a connection to the server is opened. */
export interface ServerConnectionOptions extends FindOptions {
  /** Port of the server's API. @default 3000 */
  readonly port?: number;
  /** Ends the connection when it aborts. */
  readonly signal?: AbortSignal;
  /** Gets a line when something on the way changes; never data. @default - nothing is logged */
  readonly logger?: Logger;
}

/** What {@link forwardFromServer} opens. */
export interface ForwardOptions extends ServerConnectionOptions {
  /** Port on this machine. @default 0 - a free one */
  readonly localPort?: number;
  /** Host that the server's task can reach, such as a database. @default - the task itself */
  readonly host?: string;
}

/**
 * A connection into the task of a stage's server. It ends with the task: after a restart a new one is needed.
 */
export interface ServerConnection extends AsyncDisposable {
  /** The container that it leads to. */
  readonly container: RunningContainer;
  /** Client of the server's API; each of its calls needs a token or none, as documented there. */
  readonly client: DbwardClient;
  /** One more stream to the port of the API, for programs that speak HTTP themselves. */
  connect(): Duplex;
  /** Resolves after {@link close}; rejects when the session ended by itself (`PortSessionEnded`). */
  readonly ended: Promise<void>;
  /** Ends the session, on the agent's side too, and all its streams. */
  close(): Promise<void>;
}

type EcsClients = Pick<AwsClients, "ecs">;
type PortClients = Pick<AwsClients, "ecs" | "ssm">;

/** No task of the service runs. */
export class ServiceNotRunningError extends DbwardError {
  override readonly name = "ServiceNotRunningError";

  constructor({ cluster, service }: ServiceReference, what: string, hint: string) {
    super("service-not-running", `No task of service ${service} in cluster ${cluster} is running: ${what}.`, {
      hint,
    });
  }
}

/** The server's task was started without ECS Exec, through which it is reached. */
export class ServerExecDisabledError extends DbwardError {
  override readonly name = "ServerExecDisabledError";

  constructor({ cluster, service }: ServiceReference, cause: unknown) {
    super(
      "server-exec-disabled",
      `The task of service ${service} in cluster ${cluster} can't be reached from here: ECS Exec is off for it.`,
      {
        cause,
        hint:
          'Set `capture.method` to "exec" in dbward.config.ts and deploy, or use --url with an address that this machine reaches. ' +
          "The session-manager-plugin is not needed either way.",
      },
    );
  }
}

/**
 * Finds a task of a service that runs, a healthy one first, the newest of these.
 *
 * @throws ServiceNotRunningError when there is none, also after `waitForTask`
 * @throws AccessDenied when the caller lacks `ecs:ListTasks`, `ecs:DescribeTasks` or `ecs:DescribeServices`;
 * AwsCallError when ECS can't be asked for another reason
 */
export async function findRunningContainer(
  clients: EcsClients,
  reference: ServiceReference,
  { waitForTask = 0, deadline = Deadline.after(OPEN_WITHIN + waitForTask) }: FindOptions = {},
): Promise<RunningContainer> {
  const { cluster, container } = reference;
  const waiting = Deadline.after(Math.min(waitForTask, deadline.remaining), deadline.signal);
  const task = await waiting.until(() => newestTask(clients, reference), LOOK_EVERY);
  if (task?.taskArn) return { cluster, task: task.taskArn, container };
  throw await explainAbsence(clients, reference);
}

/**
 * Connects to a stage's server through ECS Exec: from any machine with AWS credentials, without VPN, load
 * balancer and session-manager-plugin.
 *
 * @param service the server's service; its container is `server` as a rule
 * @throws ServiceNotRunningError, ServerExecDisabledError, AwsCallError
 * @throws what `PortForwarder.open` throws: AccessDenied (the caller needs `ssm:StartSession`),
 * AgentNotRunning and TargetNotConnected (the task has just started, or can't reach Session Manager),
 * SessionRefused, PortSessionEnded, PortTimeout; the reason of `signal`
 */
export async function connectToServer(
  clients: PortClients,
  service: ServiceReference,
  options: ServerConnectionOptions = {},
): Promise<ServerConnection> {
  const { ports, request } = await portOfServer(clients, service, options);
  const session = await ports.open(request).catch(explainExec(service));
  const connect = () => session.connect();
  const client = new DbwardClient({ url: `http://localhost:${request.port}`, connect });
  const close = async () => {
    client.close();
    await session.close();
  };
  const { cluster, task, container } = request;
  return {
    container: { cluster, task, container },
    client,
    connect,
    ended: session.ended,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Opens a port on this machine that leads to the server's API, or to a host that the server's task can reach.
 *
 * @throws what {@link connectToServer} throws; LocalPortInUse; RangeError for a port or host that can't be
 * one
 */
export async function forwardFromServer(
  clients: PortClients,
  service: ServiceReference,
  options: ForwardOptions = {},
): Promise<ForwardedPort> {
  const { localPort, host } = options;
  const { ports, request } = await portOfServer(clients, service, options);
  return ports
    .forwardPort({
      ...request,
      ...(localPort === undefined ? {} : { localPort }),
      ...(host === undefined ? {} : { host }),
    })
    .catch(explainExec(service));
}

async function portOfServer(
  clients: PortClients,
  service: ServiceReference,
  options: ServerConnectionOptions,
): Promise<{ readonly ports: PortForwarder; readonly request: PortRequest }> {
  const { port = SERVER.port, signal, logger, waitForTask = 0 } = options;
  signal?.throwIfAborted();
  const deadline = options.deadline ?? Deadline.after(OPEN_WITHIN + waitForTask, signal);
  const found = await findRunningContainer(clients, service, { waitForTask, deadline });
  signal?.throwIfAborted();
  const { ecs, ssm } = clients;
  return {
    ports: new PortForwarder({ ecs, ssm, ...(logger === undefined ? {} : { logger }) }),
    request: { ...found, port, deadline, ...(signal === undefined ? {} : { signal }) },
  };
}

function explainExec(service: ServiceReference): (error: unknown) => never {
  return (error) => {
    throw error instanceof ExecNotEnabled ? new ServerExecDisabledError(service, error) : error;
  };
}

async function newestTask(
  { ecs }: EcsClients,
  { cluster, service, container }: ServiceReference,
): Promise<Task | undefined> {
  const listed = await ask(
    "ecs:ListTasks",
    `Listing the tasks of service ${service} in cluster ${cluster}`,
    ecs.send(new ListTasksCommand({ cluster, serviceName: service, desiredStatus: "RUNNING" })),
  );
  const arns = listed?.taskArns ?? [];
  if (arns.length === 0) return undefined;
  const described = await ask(
    "ecs:DescribeTasks",
    `Looking up the tasks of service ${service} in cluster ${cluster}`,
    ecs.send(new DescribeTasksCommand({ cluster, tasks: arns })),
  );
  const rank = ({ healthStatus }: Task) => (healthStatus === "HEALTHY" ? 0 : 1);
  return (described?.tasks ?? [])
    .filter(
      ({ lastStatus, containers = [] }) =>
        lastStatus === "RUNNING" &&
        containers.some(({ name, lastStatus: status }) => name === container && status !== "STOPPED"),
    )
    .sort((a, b) => rank(a) - rank(b) || Number(b.startedAt ?? 0) - Number(a.startedAt ?? 0))[0];
}

/** @returns `undefined` when the cluster or the service doesn't exist */
async function ask<T>(right: string, doing: string, call: Promise<T>): Promise<T | undefined> {
  const permitted = call.catch((error: unknown) => {
    if (!(error instanceof Error) || error.name !== "AccessDeniedException") throw error;
    throw new AccessDenied(`${right}: ${describeError(error)}`, {
      cause: error,
      hint: `Allow the caller ${right} on the cluster.`,
    });
  });
  return ifThere(doing, permitted, "ClusterNotFoundException", "ServiceNotFoundException");
}

async function explainAbsence(
  { ecs }: EcsClients,
  reference: ServiceReference,
): Promise<ServiceNotRunningError> {
  const { cluster, service } = reference;
  const answer = await ask(
    "ecs:DescribeServices",
    `Looking up service ${service} in cluster ${cluster}`,
    ecs.send(new DescribeServicesCommand({ cluster, services: [service] })),
  );
  const found = answer?.services?.find(({ status }) => status !== "INACTIVE");
  if (!found)
    return new ServiceNotRunningError(
      reference,
      answer ? "the service doesn't exist" : "the cluster doesn't exist",
      "Check the stage's name, the account and the region; deploy the stage if it isn't there yet.",
    );
  const { desiredCount = 0, pendingCount = 0 } = found;
  if (desiredCount === 0)
    return new ServiceNotRunningError(
      reference,
      "its desired count is 0",
      `Set it back with: aws ecs update-service --cluster ${cluster} --service ${service} --desired-count 1 --region ${await ecs.config.region()}`,
    );
  return new ServiceNotRunningError(
    reference,
    `${desiredCount} desired, ${pendingCount} starting`,
    pendingCount > 0
      ? "Wait until the task has started, and try again."
      : "See with `pnpm ops status` why its tasks stop, and try again when one runs.",
  );
}
