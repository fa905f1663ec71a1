import type { ExecGateway, ExecSession } from "../exec-gateway/index.ts";
import type { TaskRunner } from "../task-runner/index.ts";
import { EcsRefusal } from "./ecs-refusal.ts";
import { execContainer } from "./execute-command.ts";
import type { EcsObject } from "./overlay.ts";
import { runtimeId } from "./runtime-id.ts";

const DOCUMENT = {
  task: "AWS-StartPortForwardingSession",
  host: "AWS-StartPortForwardingSessionToRemoteHost",
} as const;

/** `ecs:<cluster>_<task id>_<runtime id>`: names of clusters may contain underlines. */
const TARGET = /^ecs:(?<cluster>[\w-]+)_(?<task>[\da-f-]+)_(?<runtimeId>[\da-f-]+)$/;

/**
 * `ssm:StartSession` with one of the two documents for ports, for a task that runs here.
 *
 * @param owner name of who starts it, with which the session's id begins
 * @param unreachable answer that the agent can't be reached, as Session Manager does for a while after a
 * start
 * @throws EcsRefusal where Session Manager refuses
 */
export async function startSession(
  request: EcsObject,
  runner: TaskRunner,
  gateway: ExecGateway,
  owner: string,
  unreachable: () => boolean,
): Promise<ExecSession> {
  const { Target, DocumentName, Parameters } = request;
  const target = TARGET.exec(String(Target ?? ""))?.groups;
  const task = runner.tasks.find(({ arn }) => target && arn.endsWith(`/${target.cluster}/${target.task}`));
  const container = task?.definition.containerDefinitions.find(
    ({ name }) => runtimeId(task, name) === target?.runtimeId,
  );
  const plan = container && task?.container(container.name)?.plan;
  const isConnected =
    plan && task?.status === "RUNNING" && task.execAgentStartedAt !== undefined && !unreachable();
  if (!isConnected || !(await task.canOpenExecChannels()))
    throw new EcsRefusal("TargetNotConnected", `${String(Target)} is not connected.`);
  if (DocumentName !== DOCUMENT.task && DocumentName !== DOCUMENT.host)
    throw new EcsRefusal("InvalidDocument", `Document with name ${String(DocumentName)} does not exist.`);
  const host = parameter(Parameters, "host");
  const port = parameter(Parameters, "portNumber") ?? "80";
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    throw new EcsRefusal("ValidationException", `The parameter portNumber has the invalid value ${port}.`);
  if ((host === undefined) === (DocumentName === DOCUMENT.host))
    throw new EcsRefusal("ValidationException", `The document ${DocumentName} has other parameters.`);
  return gateway.startPort({
    container: execContainer(task),
    owner,
    port: Number(port),
    ...(host === undefined ? {} : { host }),
    view: plan,
  });
}

/** Parameters are lists of texts. */
function parameter(parameters: unknown, name: string): string | undefined {
  const values = (parameters as Record<string, unknown> | undefined)?.[name];
  return Array.isArray(values) && values.length > 0 ? String(values[0]) : undefined;
}
