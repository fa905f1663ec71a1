import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { PutParameterCommand } from "@aws-sdk/client-ssm";
import { type Argv, act, actionOptions } from "@dbward-aws/cli";
import { redact } from "@dbward-aws/core";
import { during, findTasks } from "@dbward-aws/stage";
import { createTwoFilesPatch } from "diff";
import { type CommandContext, command } from "../command.ts";
import { checkConfigText } from "../preflight/preflight.ts";
import { changeService } from "../rollout.ts";
import { type NamedService, servicePositionals } from "../services.ts";
import { taskCommand } from "../stopped-stage.ts";
import { ConfigMissingError, readStoredConfig, type StoredConfig } from "../stored-config.ts";

/** Bytes of a parameter of the standard tier. */
const STANDARD_BYTES = 4096;

function configOptions<T>(yargs: Argv<T>) {
  return servicePositionals(yargs).option("file", {
    type: "string",
    requiresArg: true,
    describe: "TOML file (default: config/STAGE.server.toml, config/STAGE.NAME.toml)",
  });
}

/** `pnpm ops config`. */
export const config = command({
  command: "config",
  summary: "Read, compare and change configurations that are kept in SSM",
  commands: [
    command({
      command: "pull <part> [name]",
      summary: "Write the stored configuration to a file",
      examples: [["config pull server --stage prod", "To config/prod.server.toml"]],
      options: (yargs) => actionOptions(configOptions(yargs)),
      async run(context, { part, name, file, ...options }) {
        const stored = await readStoredConfig(context, part, name);
        const { text, parameter } = stored;
        if (text === undefined) throw missing(context, stored);
        const path = fileOf(context, stored, file);
        const current = await readFile(path, "utf8").catch(() => undefined);
        const plan = {
          title: `Write SSM parameter ${parameter} to a file`,
          steps:
            current === text ? [] : [`${current === undefined ? "Write" : "Replace the content of"} ${path}`],
        };
        return act(context.io, options, plan, async (progress) => {
          await mkdir(dirname(path), { recursive: true });
          await writeFile(path, text);
          progress.done(`${path} has version ${stored.metadata?.Version ?? "unknown"} of ${parameter}`);
          return { file: path, parameter };
        });
      },
    }),
    command({
      command: "diff <part> [name]",
      summary: "Show how a file differs from the stored configuration",
      examples: [["config diff agent app --stage prod", "Exit code 1 when they differ"]],
      options: configOptions,
      async run(context, { part, name, file }) {
        const stored = await readStoredConfig(context, part, name);
        const text = await readConfigFile(fileOf(context, stored, file));
        const lines = difference(stored, text);
        if (lines.length === 0) context.print(`The file has what is in ${stored.parameter}.`);
        for (const line of lines) context.print(line);
        return lines.length === 0 ? 0 : 1;
      },
    }),
    taskCommand({
      command: "push <part> [name]",
      summary: "Check a file by dbward's rules, store it, and restart what reads it",
      examples: [["config push server --stage prod", "Shows the difference, and asks"]],
      options: (yargs) => actionOptions(configOptions(yargs)),
      async run(context, { part, name, file, ...options }) {
        const { settings, clients, io } = context;
        const stored = await readStoredConfig(context, part, name);
        const text = await readConfigFile(fileOf(context, stored, file));
        for (const warning of await checkConfigText(settings, clients, stored.word, stored.parameter, text))
          io.complain(`Warning: ${warning}`);
        const differs = stored.text !== text;
        const restarts = differs ? stored.services : await servicesBefore(context, stored);
        const plan = {
          title: `Change the configuration in ${stored.parameter}`,
          steps: [
            ...(differs ? [`Store the file in ${stored.parameter}`] : []),
            ...restarts.map(({ service }) => `Restart ${service}, and wait until its new tasks are healthy`),
          ],
          notes: differs ? difference(stored, text) : [],
        };
        return act(io, options, plan, async (progress) => {
          if (differs) {
            progress.step(`Storing ${stored.parameter}`);
            const version = await store(context, stored, text);
            progress.done(`Version ${version} of ${stored.parameter} is stored`);
          }
          for (const { service } of restarts) {
            progress.step(`Restarting ${service}`);
            const tasks = await changeService(context, service, { forceNewDeployment: true }, progress);
            progress.done(`${service}: ${tasks} of ${tasks} running and healthy, all new.`);
          }
          return { parameter: stored.parameter, restarted: restarts.map(({ word }) => word) };
        });
      },
    }),
  ],
});

function fileOf(
  { settings, root }: CommandContext,
  { word }: StoredConfig,
  file: string | undefined,
): string {
  return resolve(root, file ?? `config/${settings.stage}.${word}.toml`);
}

async function readConfigFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ConfigMissingError(
      `Reading ${path} failed: ${(error as NodeJS.ErrnoException).code}.`,
      "Write the file with `pnpm ops config pull`, or name another one with --file.",
    );
  }
}

function missing({ settings }: CommandContext, { parameter, word }: StoredConfig): ConfigMissingError {
  return new ConfigMissingError(
    `SSM parameter ${parameter} doesn't exist.`,
    `Store a file with: pnpm ops config push ${word === "server" ? word : `agent ${word}`} --file FILE --stage ${settings.stage}`,
  );
}

/** Lines of a unified diff from what is stored to a text, without secrets; none when they are the same. */
function difference({ parameter, text: stored = "" }: StoredConfig, text: string): string[] {
  if (stored === text) return [];
  const patch = createTwoFilesPatch(parameter, "file", stored, text);
  return redact(patch).trimEnd().split("\n").slice(1);
}

/** The services whose tasks started before the stored text, as after a run that was cut off. */
async function servicesBefore(context: CommandContext, stored: StoredConfig): Promise<NamedService[]> {
  const changedAt = stored.metadata?.LastModifiedDate;
  if (!changedAt) return [];
  const old = await Promise.all(
    stored.services.map(async (service) => {
      const tasks = await findTasks(
        context.clients,
        context.names.cluster,
        { serviceName: service.service },
        "RUNNING",
      );
      return tasks.some(({ startedAt }) => startedAt !== undefined && startedAt < changedAt) ? [service] : [];
    }),
  );
  return old.flat();
}

/** Stores a text under the key and the tier that the parameter has. */
async function store(
  { clients }: CommandContext,
  { parameter, metadata }: StoredConfig,
  text: string,
): Promise<number> {
  const { KeyId, Type = "SecureString", Tier } = metadata ?? {};
  const isLarge = Buffer.byteLength(text) > STANDARD_BYTES;
  const { Version = 0 } = await during(
    `Storing SSM parameter ${parameter}`,
    clients.ssm.send(
      new PutParameterCommand({
        Name: parameter,
        Value: text,
        Type,
        Overwrite: metadata !== undefined,
        ...(KeyId && { KeyId }),
        ...(isLarge ? { Tier: "Advanced" } : Tier && { Tier }),
      }),
    ),
  );
  return Version;
}
