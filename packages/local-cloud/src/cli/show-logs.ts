import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  type CloudWatchLogsClient,
  paginateDescribeLogGroups,
  paginateFilterLogEvents,
} from "@aws-sdk/client-cloudwatch-logs";
import { displayText } from "@dbward-aws/core";
import { stageClients } from "../stage/clients.ts";
import { fetchStatus } from "./control-client.ts";
import { paint } from "./format.ts";
import { runningStage } from "./show-status.ts";
import type { StageFiles } from "./stage-files.ts";

export interface LogOptions {
  readonly files: StageFiles;
  /** Only sources whose name contains this: a log group (`server`) or a log of the stage itself (`deploy`). */
  readonly source?: string;
  /** Go on until Ctrl-C. */
  readonly follow: boolean;
}

interface LogLine {
  readonly id: string;
  readonly at: number;
  readonly source: string;
  readonly text: string;
}

/** How many lines are shown of what is there already. */
const SHOWN_LINES = 200;
const FOLLOW_MS = 1_000;
/** Functions that sst deploys for itself: shown when they are asked for by name. */
const SST_OWN = /\/SSTBootstrap-/;

/**
 * Prints what the containers and the functions logged, in order of time; of a stage that has ended, or with the name of
 * one of its own logs, the files in `.local/logs`.
 */
export async function showLogs({ files, source = "", follow }: LogOptions): Promise<number> {
  const own = await ownLogs(files);
  const named = own.filter((name) => source !== "" && name === source);
  const run = await runningStage(files).catch(() => undefined);
  if (!run || named.length > 0) {
    await printFiles(files, named.length > 0 ? named : own);
    return 0;
  }
  const status = await fetchStatus(run);
  if (!status) {
    await printFiles(files, own);
    return 0;
  }
  const clients = stageClients({ ...status, credentials: run.credentials });
  try {
    await printEvents(clients.logs, source, follow);
  } finally {
    clients.destroy();
  }
  return 0;
}

async function printEvents(logs: CloudWatchLogsClient, source: string, follow: boolean): Promise<void> {
  const seen = new Set<string>();
  let since = 0;
  let count = SHOWN_LINES;
  for (;;) {
    const lines = (await readEvents(logs, source, since)).filter(({ id }) => !seen.has(id));
    for (const line of lines.slice(-count)) {
      process.stdout.write(`${paint.dim(line.source)} ${displayText(line.text)}\n`);
    }
    for (const { id } of lines) seen.add(id);
    if (!follow) return;
    since = lines.at(-1)?.at ?? since;
    count = Number.POSITIVE_INFINITY;
    await delay(FOLLOW_MS);
  }
}

async function readEvents(client: CloudWatchLogsClient, source: string, since: number): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const { logGroups = [] } of paginateDescribeLogGroups({ client }, {})) {
    for (const { logGroupName = "" } of logGroups) {
      if (!logGroupName.includes(source) || (source === "" && SST_OWN.test(logGroupName))) continue;
      const pages = paginateFilterLogEvents({ client }, { logGroupName, startTime: since });
      for await (const { events = [] } of pages) {
        for (const { eventId = "", timestamp = 0, message = "" } of events) {
          const name = logGroupName.split("/").at(-1) ?? logGroupName;
          lines.push({
            id: `${logGroupName} ${eventId}`,
            at: timestamp,
            source: name,
            text: message.trimEnd(),
          });
        }
      }
    }
  }
  return lines.sort((a, b) => a.at - b.at);
}

async function ownLogs(files: StageFiles): Promise<string[]> {
  const names = await readdir(join(files.directory, "logs")).catch(() => []);
  return names.filter((name) => name.endsWith(".log")).map((name) => name.slice(0, -".log".length));
}

async function printFiles(files: StageFiles, names: readonly string[]): Promise<void> {
  if (names.length === 0)
    process.stdout.write("There are no logs yet. Start the local stage with: pnpm local\n");
  for (const name of names) {
    const text = await readFile(files.log(name), "utf8").catch(() => "");
    for (const line of text.trim().split("\n").slice(-SHOWN_LINES)) {
      process.stdout.write(`${paint.dim(name)} ${displayText(line)}\n`);
    }
  }
}
