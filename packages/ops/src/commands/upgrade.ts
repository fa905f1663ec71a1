import { join } from "node:path";
import type { TaskDefinition } from "@aws-sdk/client-ecs";
import { type ActionOptions, act, actionOptions, type Progress, UsageError } from "@dbward-aws/cli";
import { AGENT, agentSubject, SERVER } from "@dbward-aws/contract";
import { Deadline } from "@dbward-aws/core";
import {
  imageTagParts,
  readVersions,
  type StageVersions,
  splitImageAddress,
  VERSIONS_FILE,
  writeVersions,
} from "@dbward-aws/settings";
import { describeServices, describeTaskDefinition, readAccount } from "@dbward-aws/stage";
import { valid } from "semver";
import { backUp, hasBackups } from "../backup/back-up.ts";
import { fileSystemArn } from "../backup/recovery-points.ts";
import type { CommandContext } from "../command.ts";
import { type DeployTool, deployStage, deployToolOptions } from "../deploy-stage.ts";
import { accountClients } from "../preflight/account-clients.ts";
import { openServer, type ReachedServer, tryServer, urlOption, waitForServer } from "../server-access.ts";
import { taskCommand } from "../stopped-stage.ts";
import { findToken, readToken } from "../token-value.ts";
import { UpgradeError } from "../upgrade/upgrade-error.ts";
import {
  isOlder,
  type RunningVersions,
  UpgradeStepError,
  upgradeStage,
  upgradeWork,
  type WantedTags,
} from "../upgrade/upgrade-stage.ts";
import { wantedTags } from "../upgrade/wanted-tags.ts";

/** `pnpm ops upgrade`. */
export const upgrade = taskCommand({
  command: "upgrade <tag>",
  summary: "Upgrade the server, then the agents, to a version of dbward",
  examples: [
    ["upgrade 0.3.0 --stage prod", "After a backup"],
    ["upgrade 0.3.0 --stage prod --dry-run", "The checks and the plan only"],
    ["upgrade 0.3.0 --pin --stage prod", "Name the images by their digests, too"],
  ],
  options: (yargs) =>
    deployToolOptions(
      actionOptions(
        urlOption(
          yargs.positional("tag", {
            type: "string",
            demandOption: true,
            describe: "Version to upgrade to",
            coerce: versionTag,
          }),
        ),
      ),
    )
      .option("backup", { type: "boolean", default: true, describe: "Back up the file system first" })
      .option("pin", {
        type: "boolean",
        describe: `Name the images by their digests, too; the default is what ${VERSIONS_FILE} does now`,
      }),
  run: (context, { tag, url, backup, pin, with: tool, build, ...options }) =>
    run(context, { tag, url, backup, pin, tool, build }, options),
});

interface UpgradeRequest extends DeployTool {
  readonly tag: string;
  readonly url: string | undefined;
  readonly backup: boolean;
  readonly pin: boolean | undefined;
}

function versionTag(tag: string): string {
  if (valid(tag) === tag) return tag;
  throw new UsageError(`<tag> can't be "${tag}".`, "Use a version of dbward, such as 0.3.0.");
}

async function run(
  context: CommandContext,
  request: UpgradeRequest,
  options: ActionOptions,
): Promise<number> {
  const { settings, root, io, clients, region, signal } = context;
  const { tag, url } = request;
  const { stage } = settings;
  const file = join(root, VERSIONS_FILE);
  const versions = readVersions(file, stage);
  checkVersionsFile(context, versions);
  const { running, serverTask } = await readRunning(context);
  checkOrder(running, tag, await minAgentVersion(context, url));
  const wanted = await wantedTags(
    settings,
    tag,
    request.pin ?? Object.values(versions).some((each) => imageTagParts(each).digest !== undefined),
    {
      account: await readAccount(clients.sts),
      region,
      ecr: accountClients(clients).ecr,
      signal,
      warn: (message) => io.complain(message),
    },
  );
  const work = upgradeWork(running, wanted);
  const fileSystem =
    work.server && request.backup ? await backedUpFileSystem(context, serverTask) : undefined;
  const isDone = !work.server && work.agents.length === 0;
  const steps = [
    ...(fileSystem ? [`Back up file system ${fileSystem.id}, and wait for the recovery point`] : []),
    ...(work.server
      ? [
          `Deploy the server ${wanted.server} in place of ${running.server ?? "none"}. It stops before its successor starts, and migrates its database, which can't be undone`,
          "Wait until it is ready, and check its version",
        ]
      : []),
    ...(work.agents.length > 0
      ? [
          `Deploy ${work.agents.map((name) => `agent ${name}`).join(", ")} ${wanted.agents}, and see that they poll`,
        ]
      : []),
    ...(isDone ? [] : [`Write the versions into ${VERSIONS_FILE}`]),
  ];
  return act(io, options, { title: `Upgrade stage ${stage} to dbward ${tag}`, steps }, async (progress) => {
    let recoveryPoint: string | undefined;
    try {
      await upgradeStage(wanted, work, {
        ...(fileSystem && {
          backUp: async () => {
            recoveryPoint = await backUp(context, fileSystem, progress, {
              otherwise: "Nothing was upgraded. To continue without a backup, add --no-backup.",
            });
            progress.done(`Backed up: ${recoveryPoint}`);
          },
        }),
        writeVersions: (change) => writeVersions(file, stage, change),
        deploy: async (awaits) =>
          void (await deployStage(context, { ...request, json: options.json, awaits }, progress)),
        verifyServer: () => verifyServer(context, url, tag),
        verifyAgents: () => verifyAgents(context, url, wanted, progress),
        report: (step) => progress.step(step),
      });
    } catch (error) {
      throw await explain(context, { error, file, tag, before: running, recoveryPoint });
    }
    progress.done(
      `Server and agents run ${tag}. People who use dbward need its command line of the same version.`,
    );
    return { version: tag, ...(recoveryPoint && { recoveryPoint }) };
  });
}

/** The settings must take the tags from the file that is changed. @throws UpgradeError */
function checkVersionsFile({ settings }: CommandContext, versions: StageVersions): void {
  const { stage, server, agents } = settings;
  const differing = [
    ...(server.image.tag === versions.server ? [] : ["server.image.tag"]),
    ...agents.flatMap(({ name, image }) =>
      image.tag === versions.agents ? [] : [`image.tag of agent ${name}`],
    ),
  ];
  if (differing.length === 0) return;
  throw new UpgradeError(
    `The settings of stage ${stage} don't take ${differing.join(", ")} from ${VERSIONS_FILE}, which this command changes.`,
    "Read the tags with readVersions() in dbward.config.ts, as the shipped one does, and unset DBWARD_SERVER_TAG and DBWARD_AGENT_TAG.",
  );
}

/** dbward's order, and what its versions can work with. @throws UpgradeError */
function checkOrder(running: RunningVersions, tag: string, minAgent: string | undefined): void {
  if (isOlder(tag, running.server))
    throw new UpgradeError(
      `The server runs ${running.server}, which is newer than ${tag}.`,
      "Its database was migrated, and an older server would use it anyway and damage it. To go back, set the tag in " +
        `${VERSIONS_FILE} and restore a backup from before the upgrade by \`pnpm ops restore\`.`,
    );
  if (imageTagParts(running.server ?? "").tag === tag && isOlder(tag, minAgent))
    throw new UpgradeError(
      `The server requires agents of ${minAgent} or newer.`,
      `Upgrade to ${minAgent} instead.`,
    );
}

/** The version of agents that the running server requires; not known when no server answers. */
async function minAgentVersion(
  context: CommandContext,
  url: string | undefined,
): Promise<string | undefined> {
  const server = await tryServer(context, url);
  if ("unreachable" in server) {
    context.io.complain(
      `Warning: the running server was not asked for its version. ${server.unreachable.message}`,
    );
    return undefined;
  }
  await server.close();
  return server.health.minAgentVersion;
}

async function readRunning(
  context: CommandContext,
): Promise<{ readonly running: RunningVersions; readonly serverTask: TaskDefinition | undefined }> {
  const { settings, names, clients } = context;
  const services = await describeServices(context.clients, context.names.cluster, [
    names.serverService,
    ...settings.agents.map(({ name }) => names.agentService(name)),
  ]);
  const definition = async (service: string) => {
    const taskDefinition = services.get(service)?.taskDefinition;
    return taskDefinition ? describeTaskDefinition(clients, taskDefinition) : undefined;
  };
  const serverTask = await definition(names.serverService);
  if (!serverTask)
    throw new UpgradeError(
      `Stage ${settings.stage} has no server.`,
      `Deploy it first: pnpm ops deploy --stage ${settings.stage}`,
    );
  const agents = await Promise.all(
    settings.agents.map(
      async ({ name }) => [name, tagOf(await definition(names.agentService(name)), AGENT.container)] as const,
    ),
  );
  return {
    serverTask,
    running: { server: tagOf(serverTask, SERVER.container), agents: new Map(agents) },
  };
}

function tagOf(definition: TaskDefinition | undefined, container: string): string | undefined {
  const image = definition?.containerDefinitions?.find(({ name }) => name === container)?.image;
  return image && splitImageAddress(image).tag;
}

/** The server's file system, when AWS Backup copies it. */
async function backedUpFileSystem(context: CommandContext, serverTask: TaskDefinition | undefined) {
  const id = serverTask?.volumes
    ?.map(({ efsVolumeConfiguration }) => efsVolumeConfiguration?.fileSystemId)
    .find((each) => each !== undefined);
  if (id === undefined || !(await hasBackups(context, id))) return undefined;
  return { id, arn: fileSystemArn(id, serverTask?.taskDefinitionArn ?? "") };
}

/** Milliseconds within which agents with healthy tasks have to poll. */
const POLL_WITHIN = 180_000;

async function verifyServer(context: CommandContext, url: string | undefined, tag: string): Promise<void> {
  const server = await waitForServer(context, url);
  try {
    const { version } = server.health;
    if (version !== tag)
      throw new UpgradeError(
        `The server answers as version ${version}, not ${tag}.`,
        "Check that the image's tag is that of its version.",
      );
  } finally {
    await server.close();
  }
}

async function verifyAgents(
  context: CommandContext,
  url: string | undefined,
  wanted: WantedTags,
  progress: Progress,
): Promise<void> {
  const { running } = await readRunning(context);
  const behind = upgradeWork(running, wanted).agents;
  const tag = wanted.agents;
  if (behind.length > 0)
    throw new UpgradeError(
      `${behind.map((name) => `Agent ${name} runs ${running.agents.get(name)}`).join(", ")}, although ${tag} was deployed.`,
      "ECS may have put the former version back: see its events with `pnpm ops status`.",
    );
  const server = await openServer(context, url);
  try {
    await seePolls(context, server);
  } finally {
    await server.close();
  }
  progress.done(`All agents run ${tag}, and poll.`);
}

async function seePolls(context: CommandContext, { client }: ReachedServer): Promise<void> {
  const token = await readToken(context, findToken(context, "metrics"));
  const wanted = context.settings.agents.filter(({ desiredCount }) => desiredCount > 0);
  let silent: string[] = [];
  const all = await Deadline.after(POLL_WITHIN, context.signal).until(async () => {
    const rows = await client.agents({ token });
    silent = wanted
      .filter(
        (agent) => (rows.find(({ id }) => id === agentSubject(agent))?.status ?? "offline") === "offline",
      )
      .map(({ name }) => name);
    return silent.length === 0 || undefined;
  }, 2_000);
  if (context.signal.aborted) throw context.signal.reason;
  if (!all)
    throw new UpgradeError(
      `The server sees nothing of ${silent.map((name) => `agent ${name}`).join(", ")}.`,
      "Read the agents' log with `pnpm ops logs agent`.",
    );
}

interface FailedUpgrade {
  readonly error: unknown;
  readonly file: string;
  readonly tag: string;
  readonly before: RunningVersions;
  readonly recoveryPoint: string | undefined;
}

/** Writes what is deployed into the file of the versions, and says how to go on and how to go back. */
async function explain(context: CommandContext, failed: FailedUpgrade): Promise<unknown> {
  const { error, file, tag, before, recoveryPoint } = failed;
  if (!(error instanceof UpgradeStepError) || context.signal.aborted) return error;
  const { stage } = context.settings;
  const cause = error.cause instanceof Error ? error.cause.message : String(error.cause);
  const now = await readRunning(context).then(
    ({ running }) => running,
    () => undefined,
  );
  const agents = [...new Set(now?.agents.values())];
  if (now?.server)
    writeVersions(file, stage, {
      server: now.server,
      ...(agents.length === 1 && agents[0] ? { agents: agents[0] } : {}),
    });
  const again = `Remove the cause and run it again: pnpm ops upgrade ${tag} --stage ${stage}`;
  if (error.part === "agents")
    return new UpgradeError(
      `The server runs ${tag}, and the agents were not upgraded. ${cause}`,
      `Agents of the former version go on working, unless the server requires newer ones. ${again}`,
      error,
    );
  const restore = `pnpm ops restore ${recoveryPoint ?? "RECOVERY-POINT"} --stage ${stage}`;
  return new UpgradeError(
    `The server was not upgraded to ${tag}. The agents were left as they are. ${cause}`,
    `${again}. To go back to ${before.server ?? "the former version"}, set the server's tag in ${VERSIONS_FILE} and run \`${restore}\`: ` +
      `if ${tag} has started, it may have migrated the database. If it has not, \`pnpm ops deploy --stage ${stage}\` does.`,
    error,
  );
}
