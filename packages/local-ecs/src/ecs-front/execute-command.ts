import type { ExecGateway } from "../exec-gateway/index.ts";
import type { RunningTask, TaskRunner } from "../task-runner/index.ts";
import { EcsRefusal } from "./ecs-refusal.ts";
import type { EcsObject } from "./overlay.ts";

/**
 * `ecs:ExecuteCommand` for a task that runs here.
 *
 * @param unreachable answer that the agent can't be reached, as ECS does for a while after a start
 * @returns `undefined` when the task isn't known here
 * @throws EcsRefusal where ECS refuses
 */
export async function executeCommand(
  request: EcsObject,
  runner: TaskRunner,
  gateway: ExecGateway,
  unreachable: () => boolean,
): Promise<EcsObject | undefined> {
  const task = runner.task(String(request.task ?? ""));
  if (!task) return undefined;
  if (request.interactive !== true)
    throw new EcsRefusal("InvalidParameterException", "Interactive is the only mode supported currently.");
  if (!request.command) throw new EcsRefusal("InvalidParameterException", "command can not be empty.");
  const name = containerName(request, task);
  const plan = task.container(name)?.plan;
  if (task.status !== "RUNNING" || !plan || task.execAgentStartedAt === undefined)
    throw new EcsRefusal("InvalidParameterException", NOT_ENABLED);
  // Without these rights ECS says no more than that it does not reach the agent.
  if (unreachable() || !(await task.canOpenExecChannels()))
    throw new EcsRefusal(
      "TargetNotConnectedException",
      "The execute command failed due to an internal error. Try again later.",
    );
  const { clusterArn, taskArn, containers } = task.record;
  return {
    clusterArn,
    taskArn,
    containerArn: containers.find((container) => container.name === name)?.containerArn,
    containerName: name,
    interactive: true,
    session: gateway.start({
      container: execContainer(task),
      command: String(request.command),
      view: plan,
    }),
  };
}

/** Under this name the gateway keeps the sessions of a task. */
export function execContainer({ arn }: RunningTask): string {
  return arn;
}

function containerName({ container }: EcsObject, { definition }: RunningTask): string {
  const names = definition.containerDefinitions.map(({ name }) => name);
  if (container === undefined && names.length > 1)
    throw new EcsRefusal(
      "InvalidParameterException",
      "The container name is required when the task has more than one container.",
    );
  const name = container === undefined ? names[0]! : String(container);
  if (!names.includes(name))
    throw new EcsRefusal("InvalidParameterException", `The container ${name} is not part of the task.`);
  return name;
}

const NOT_ENABLED =
  "The execute command failed because execute command was not enabled when the task was run or the execute command agent isn’t running. Wait and try again or run a new task with execute command enabled and try again.";
