import type { Argv } from "@dbward-aws/cli";
import { AGENT } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { EcsExec, ExecNotEnabled } from "@dbward-aws/ecs-exec";
import { kmsDataKeys } from "@dbward-aws/ecs-exec/kms";
import { ssmResumer } from "@dbward-aws/ecs-exec/ssm";
import { findRunningContainer, type RunningContainer } from "@dbward-aws/stage";
import type { CommandContext } from "./command.ts";
import { serverService } from "./server-access.ts";
import { findService } from "./services.ts";

/** The task of an agent was started without ECS Exec. */
export class AgentExecDisabledError extends DbwardError {
  override readonly name = "AgentExecDisabledError";

  constructor(agent: string, cause: unknown) {
    super("agent-exec-disabled", `ECS Exec is off for the tasks of agent ${agent}.`, {
      cause,
      hint: "Set `ecsExec: true` for the agent in dbward.config.ts, and deploy.",
    });
  }
}

/** A container of the stage, and how to run something in it. */
export interface ContainerAccess {
  readonly exec: EcsExec;
  readonly container: RunningContainer;
  /** Makes the error of a call more precise. */
  explain(error: unknown): unknown;
}

/** Declares `[part] [name]`: the server, or one agent. */
export function containerPositionals<T>(yargs: Argv<T>) {
  return yargs
    .positional("part", {
      default: "server",
      choices: ["server", "agent"],
      describe: "The server, or an agent",
    })
    .positional("name", { type: "string", describe: "Name of the agent, when there are several" });
}

/**
 * Finds a running container of the server or of an agent.
 *
 * @throws UsageError for an unknown agent; what `findRunningContainer` of `@dbward-aws/stage` throws
 */
export async function openContainer(
  context: CommandContext,
  part: string,
  name: string | undefined,
): Promise<ContainerAccess> {
  const { clients, settings, names } = context;
  const { word, service } = findService(part, name, settings, names);
  const isServer = part === "server";
  const reference = isServer
    ? serverService(context)
    : { cluster: names.cluster, service, container: AGENT.container };
  return {
    exec: new EcsExec({ ecs: clients.ecs, kms: kmsDataKeys(clients.kms), ssm: ssmResumer(clients.ssm) }),
    container: await findRunningContainer(clients, reference),
    explain: (error) =>
      !isServer && error instanceof ExecNotEnabled ? new AgentExecDisabledError(word, error) : error,
  };
}
