import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  type CloudWatchLogsClient,
  paginateDescribeLogGroups,
  paginateFilterLogEvents,
} from "@aws-sdk/client-cloudwatch-logs";
import { LOCAL_STAGE, STACK_IDS, stageNames, stageOfCluster } from "@dbward-aws/contract";
import { displayText } from "@dbward-aws/core";
import { stageClients } from "../stage/clients.ts";
import { fetchStatus } from "./control-client.ts";
import { paint } from "./format.ts";
import { runningStage } from "./show-status.ts";
import type { StageFiles } from "./stage-files.ts";

export interface LogOptions {
  readonly files: StageFiles;
  /**
   * Only sources whose name contains this: a log group (`server`) or a log of the stage itself (`deploy`).
   */
  readonly source?: string | undefined;
  /** Only what belongs to this stage. @default - of all stages */
  readonly stage?: string | undefined;
  /** Go on until Ctrl-C. */
  readonly follow: boolean;
}

interface LogLine {
  readonly id: string;
  readonly at: number;
  readonly source: string;
  readonly text: string;
}

/** How many lines of the past are shown. */
const SHOWN_LINES = 200;
const FOLLOW_MS = 1_000;
/** Functions that sst deploys for itself: shown when they are asked for by name. */
const SST_OWN = /\/SSTBootstrap-/;

/**
 * Prints what the containers and the functions logged, in order of time; of a stage that has ended, or with
 * the name of one of its own logs, the files in `.local/logs`.
 */
export async function showLogs({ files, source = "", stage, follow }: LogOptions): Promise<number> {
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
    await printEvents(clients.logs, { source, stage }, follow);
  } finally {
    clients.destroy();
  }
  return 0;
}

/** What the name of a log group must hold. */
interface LogFilter {
  readonly source: string;
  readonly stage: string | undefined;
}

async function printEvents(logs: CloudWatchLogsClient, filter: LogFilter, follow: boolean): Promise<void> {
  const seen = new Set<string>();
  let since = 0;
  let count = SHOWN_LINES;
  for (;;) {
    const lines = (await readEvents(logs, filter, since)).filter(({ id }) => !seen.has(id));
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

async function readEvents(
  client: CloudWatchLogsClient,
  { source, stage }: LogFilter,
  since: number,
): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const { logGroups = [] } of paginateDescribeLogGroups({ client }, {})) {
    for (const { logGroupName = "" } of logGroups) {
      if (stage !== undefined && !isOfStage(logGroupName, stage)) continue;
      if (!logGroupName.includes(source) || (source === "" && SST_OWN.test(logGroupName))) continue;
      const pages = paginateFilterLogEvents({ client }, { logGroupName, startTime: since });
      for await (const { events = [] } of pages) {
        for (const { eventId = "", timestamp = 0, message = "" } of events) {
          lines.push({
            id: `${logGroupName} ${eventId}`,
            at: timestamp,
            source: shownName(logGroupName),
            text: message.trimEnd(),
          });
        }
      }
    }
  }
  return lines.sort((a, b) => a.at - b.at);
}

/** A part of the name is the stage's cluster, or begins as what CloudFormation has named for it. */
function isOfStage(logGroup: string, stage: string): boolean {
  const { cluster, pollerFunction } = stageNames(stage);
  const stacks = STACK_IDS.map((id) => `${stageNames(stage).stack(id)}-`);
  return logGroup
    .split("/")
    .some((part) => part === cluster || part === pollerFunction || stacks.some((it) => part.startsWith(it)));
}

/** The last part; before it the stage, where a service of that name is in each. */
function shownName(logGroup: string): string {
  const [name = logGroup, cluster = ""] = logGroup.split("/").reverse();
  const stage = stageOfCluster(cluster);
  return stage === undefined || stage === LOCAL_STAGE ? name : `${stage}/${name}`;
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
