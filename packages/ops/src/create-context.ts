import { dirname, resolve } from "node:path";
import { type CliIo, UsageError } from "@dbward-aws/cli";
import { LOCAL_STAGE } from "@dbward-aws/contract";
import { escapeControls } from "@dbward-aws/core";
import { loadStage, namesOf } from "@dbward-aws/settings";
import { confirmIdentity, consoleLinks, createAwsClients, readNames, takeIdentity } from "@dbward-aws/stage";
import type { CommandContext } from "./command.ts";
import type { CommonOptions } from "./common-options.ts";
import { importConfig } from "./import-config.ts";

/** Region of commands that need no account, where nothing names one. */
const FALLBACK_REGION = "us-east-1";

/**
 * Reads the settings of the stage that the options name, and chooses account and region.
 *
 * @param offline the command needs no account
 * @param version as for {@link importConfig}
 * @throws UsageError, SettingsError, IdentityError, AwsCallError
 */
export async function createContext(
  { stage, ...options }: Pick<CommonOptions, "stage" | "profile" | "region" | "config">,
  io: CliIo,
  offline: boolean,
  version?: number,
): Promise<CommandContext> {
  if (!stage)
    throw new UsageError("--stage is required.", "Name a stage of the settings, such as --stage prod.");
  const file = resolve(io.directory, options.config);
  const root = dirname(file);
  const settings = loadStage(await importConfig(file, version), stage, { root });
  const { profile, region } = options;
  const project = offline ? undefined : { stage: settings.stage, root };
  const choice = { profile, region, stageRegion: settings.region, project };
  const identity = await takeIdentity(choice, process.env, offline ? FALLBACK_REGION : undefined);
  const clients = createAwsClients(identity.region);
  const { line, partition } = offline
    ? { line: undefined, partition: "aws" }
    : await confirmIdentity(identity, clients, settings);
  if (line !== undefined) io.complain(line);
  return {
    settings,
    root,
    names: offline ? namesOf(settings) : await readNames(settings, clients),
    clients,
    region: identity.region,
    ...(settings.stage === LOCAL_STAGE ? {} : { links: consoleLinks(identity.region, partition) }),
    io,
    // Much of what commands print comes from containers and from AWS.
    print: (text) => io.print(escapeControls(text)),
    signal: io.signal,
  };
}
