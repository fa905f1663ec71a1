import { DescribeTaskDefinitionCommand, type Service } from "@aws-sdk/client-ecs";
import { AGENT, SERVER } from "@dbward-aws/contract";
import { during } from "../aws-error.ts";
import { type Command, type CommandContext, UsageError } from "../command.ts";
import { reachServer } from "../server-url.ts";
import { describeServices } from "../status/services.ts";
import { table } from "../table.ts";
import { compareVersions, parseVersion } from "../version.ts";

/** `pnpm ops upgrade`. */
export const upgrade: Command = {
  summary: "what runs against what the settings say, and how to get to another version",
  usage: "--tag TAG [--url URL]",
  options: { tag: { type: "string" }, url: { type: "string" } },
  async run(context) {
    const { tag } = context.options;
    if (typeof tag !== "string" || !parseVersion(tag))
      throw new UsageError(
        "upgrade needs the version to go to.",
        "Such as: pnpm ops upgrade --stage prod --tag 0.3.0",
      );
    const parts = await readParts(context);
    for (const line of table([
      ["", "SETTINGS", "RUNNING"],
      ...parts.map(({ name, set, running }) => [name, set, running ?? "nothing"]),
    ]))
      context.print(line);
    const server = await reachServer(context);
    if ("client" in server) {
      server.client.close();
      context.print(
        `The server says: version ${server.version}, agents from ${server.minAgentVersion ?? "any version"} on.`,
      );
    } else context.print(`What the server says of itself was not read: ${server.unreachable}.`);
    context.print("");
    return plan(context, parts, tag, "minAgentVersion" in server ? server.minAgentVersion : undefined);
  },
};

/** The server or an agent: the tag that the settings name, and the one that runs. */
interface Part {
  readonly name: string;
  readonly setting: string;
  readonly set: string;
  readonly running?: string;
}

async function readParts(context: CommandContext): Promise<Part[]> {
  const { settings, names } = context;
  const wanted = [
    {
      name: "server",
      service: names.serverService,
      container: SERVER.container,
      setting: "server.image.tag",
      image: settings.server.image,
    },
    ...settings.agents.map(({ name, image }, index) => ({
      name: `agent ${name}`,
      service: names.agentService(name),
      container: AGENT.container,
      setting: `agents[${index}].image.tag`,
      image,
    })),
  ];
  const services = await describeServices(
    context,
    wanted.map(({ service }) => service),
  );
  return Promise.all(
    wanted.map(async ({ name, service, container, setting, image }) => {
      const running = await runningTag(context, services.get(service), container);
      return {
        name,
        setting: `stages.${settings.stage}.${setting}`,
        set: image.tag,
        ...(running && { running }),
      };
    }),
  );
}

async function runningTag(
  { clients }: CommandContext,
  service: Service | undefined,
  container: string,
): Promise<string | undefined> {
  if (!service?.taskDefinition) return undefined;
  const { taskDefinition } = await during(
    `Looking up task definition ${service.taskDefinition}`,
    clients.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: service.taskDefinition })),
  );
  const image = taskDefinition?.containerDefinitions?.find(({ name }) => name === container)?.image;
  return image?.includes("@") ? image.split("@")[1] : image?.split(":").at(-1);
}

/** Says what to do, in the order in which dbward wants it: the server, then the agents. */
function plan(
  { print, settings }: CommandContext,
  [server, ...agents]: readonly Part[],
  tag: string,
  minAgentVersion: string | undefined,
): number {
  const target = parseVersion(tag)!;
  const isOlder = (given: string | undefined, than: string) => {
    const [version, other] = [parseVersion(given ?? ""), parseVersion(than)];
    return version !== undefined && other !== undefined && compareVersions(version, other) < 0;
  };
  const deploy = `pnpm sst deploy --stage ${settings.stage}`;

  if (isOlder(tag, server!.running ?? "")) {
    print(
      `The server runs ${server!.running}: going back to ${tag} is not supported. Its database was migrated at the ` +
        "start, and an older server would work on it without a word. To go back, restore a backup of the file system " +
        "from before the upgrade.",
    );
    return 1;
  }
  if (minAgentVersion) {
    const tooOld = agents.filter(({ running }) => isOlder(running, minAgentVersion));
    for (const { name, running } of tooOld)
      print(
        `Now: ${name} runs ${running}, and the server takes agents from ${minAgentVersion} on: upgrade it first.`,
      );
  }

  const serverIsThere = server!.running !== undefined && !isOlder(server!.running, tag);
  const behind = agents.filter(({ running, set }) => isOlder(running ?? set, tag));
  if (serverIsThere && behind.length === 0) {
    print(`Server and agents run ${tag} or newer: nothing to do.`);
    return 0;
  }
  const steps = [
    ...(serverIsThere
      ? []
      : [
          `Server first. In dbward.config.ts set ${server!.setting} to "${tag}" and leave the agents' tags; then: ${deploy}\n` +
            "   The server stops before its successor starts. It migrates its database, which can't be undone; it writes\n" +
            "   a backup of the database beside it, and the file system has its daily backup.",
          `See that it runs, and which agents it takes: pnpm ops upgrade --stage ${settings.stage} --tag ${tag}`,
        ]),
    ...(behind.length === 0
      ? []
      : [
          `Then the agents. Set ${behind.map(({ setting }) => setting).join(", ")} to "${tag}"; then: ${deploy}`,
        ]),
    `Last the command line tools of the people who use dbward: version ${target.numbers.join(".")}.`,
  ];
  for (const [index, step] of steps.entries()) print(`${index + 1}. ${step}`);
  return 0;
}
