import { type FilteredLogEvent, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { UsageError } from "@dbward-aws/cli";
import { Deadline, redact } from "@dbward-aws/core";
import {
  functionLogGroup,
  ifThere,
  LogGroupUnknownError,
  type ScheduledFunction,
  serviceLogGroups,
} from "@dbward-aws/stage";
import { type CommandContext, command } from "../command.ts";
import { durationMs } from "../option-values.ts";
import { servicesOf } from "../services.ts";

const ASK_EVERY_MS = 2_000;
/** Until Ctrl-C. */
const FOREVER_MS = 2 ** 31 - 1;
/** CloudWatch Logs may show an event some seconds after younger ones. */
const LATE_MS = 30_000;

/** `pnpm ops logs`. */
export const logs = command({
  command: "logs [parts..]",
  summary: "Print log lines of the server, of agents, and of the functions that run on a schedule",
  examples: [
    ["logs server --stage prod --since 1h", "The server's lines of the last hour"],
    ["logs server agent app --stage prod --follow", "New lines of both, until Ctrl-C"],
    ['logs --stage prod --filter "refused"', "Lines of all parts that contain a text"],
  ],
  options: (yargs) =>
    yargs
      .positional("parts", {
        type: "string",
        array: true,
        default: [],
        describe: "server, agent [NAME], poller, tokens, apply (default: all)",
      })
      .option("since", {
        default: "10m",
        requiresArg: true,
        describe: "How far to look back: 30s, 10m, 2h, 1d",
        coerce: (text: string) => ({ text, ms: durationMs(text) }),
      })
      .option("filter", { type: "string", requiresArg: true, describe: "Only lines that contain this text" })
      .option("follow", { alias: "f", type: "boolean", describe: "Go on with new lines until Ctrl-C" }),
  async run(context, { parts, since, filter, follow: follows }) {
    const sources = await logSources(context, parts);
    const reader = new LogReader(context, sources, Date.now() - since.ms, filter);
    const printed = await reader.read();
    if (follows) await follow(reader, context.signal);
    else if (printed === 0)
      context.print(
        `No lines${filter === undefined ? "" : ` with "${filter}"`} in the last ${since.text} in ` +
          `${sources.map(({ group }) => group).join(", ")}.`,
      );
    return 0;
  },
});

async function follow(reader: LogReader, signal: AbortSignal): Promise<void> {
  const untilStopped = Deadline.after(FOREVER_MS, signal);
  while (!untilStopped.passed) {
    await untilStopped.sleep(ASK_EVERY_MS);
    if (!untilStopped.passed) await reader.read();
  }
}

/** The functions that run on a schedule. */
const FUNCTIONS: readonly ScheduledFunction[] = ["poller", "tokens", "apply"];

function isOtherPart(word: string): boolean {
  return word === "server" || (FUNCTIONS as readonly string[]).includes(word);
}

/** A log group, and the part of the stage that writes to it. */
interface LogSource {
  /** `server`, the name of a function, or the agent's name. */
  readonly part: string;
  readonly group: string;
}

/**
 * The log groups as the deployed stage has them: of services in their task definitions, of functions in their stack.
 *
 * @param words such as `server`, `agent app`, `poller`; none for all that are deployed
 */
async function logSources(
  { settings, names, clients }: CommandContext,
  words: readonly string[],
): Promise<LogSource[]> {
  const agents = settings.agents.map(({ name }) => name);
  const wanted = wantedParts(words, agents);
  const all: [part: string, find: () => Promise<readonly string[]>][] = [
    ...servicesOf(settings, names).map(({ word, service }): (typeof all)[number] => [
      word,
      () => serviceLogGroups(clients, names.cluster, service),
    ]),
    ...FUNCTIONS.map((part): (typeof all)[number] => [
      part,
      async () => [await functionLogGroup(clients, settings.stage, part)],
    ]),
  ];
  const isAll = words.length === 0;
  const found = await Promise.allSettled(
    all
      .filter(([part]) => isAll || wanted.has(part))
      .map(async ([part, find]) => (await find()).map((group) => ({ part, group }))),
  );
  const sources = found.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  const failed = found.find((result) => result.status === "rejected");
  if (failed && (sources.length === 0 || !(isAll && failed.reason instanceof LogGroupUnknownError)))
    throw failed.reason;
  return sources;
}

/** @throws UsageError for an unknown part */
function wantedParts(words: readonly string[], agents: readonly string[]): Set<string> {
  const wanted = new Set<string>();
  for (let at = 0; at < words.length; at++) {
    const [word, next] = [words[at]!, words[at + 1]];
    if (isOtherPart(word)) wanted.add(word);
    else if (word === "agent" && next !== undefined && agents.includes(next)) {
      wanted.add(next);
      at++;
    } else if (word === "agent" && (next === undefined || isOtherPart(next)))
      for (const name of agents) wanted.add(name);
    else {
      const unknown = word === "agent" ? `agent ${next}` : word;
      throw new UsageError(
        `The stage has no part "${unknown}".`,
        `Parts: server, ${FUNCTIONS.join(", ")}, agent (all agents), ${agents.map((name) => `agent ${name}`).join(", ")}.`,
      );
    }
  }
  return wanted;
}

/** Reads on from where it was; an event that comes late is not lost, and none is printed twice. */
class LogReader {
  readonly #context: CommandContext;
  readonly #sources: readonly LogSource[];
  readonly #filter: string | undefined;
  readonly #width: number;
  /** Times of the printed events that may be read again, by their ids. */
  readonly #printed = new Map<string, number>();
  #from: number;

  constructor(
    context: CommandContext,
    sources: readonly LogSource[],
    from: number,
    filter: string | undefined,
  ) {
    this.#context = context;
    this.#sources = sources;
    this.#from = from;
    this.#filter = filter;
    this.#width = Math.max(...sources.map(({ part }) => part.length));
  }

  /** @returns how many lines were printed */
  async read(): Promise<number> {
    const found = await Promise.all(
      this.#sources.map(async ({ part, group }) => {
        const events = await this.#events(group);
        return events.map((event) => ({
          part,
          id: `${group} ${event.eventId}`,
          at: event.timestamp ?? 0,
          event,
        }));
      }),
    );
    const fresh = found
      .flat()
      .filter(({ id }) => !this.#printed.has(id))
      .sort((a, b) => a.at - b.at);
    for (const { part, id, at, event } of fresh) {
      this.#printed.set(id, at);
      const name = this.#sources.length > 1 ? `${part.padEnd(this.#width)} ` : "";
      this.#context.print(`${new Date(at).toISOString()} ${name}${redact((event.message ?? "").trimEnd())}`);
    }
    const last = fresh.at(-1)?.at;
    if (last !== undefined) this.#from = Math.max(this.#from, last - LATE_MS);
    for (const [id, at] of this.#printed) if (at < this.#from) this.#printed.delete(id);
    return fresh.length;
  }

  async #events(group: string): Promise<FilteredLogEvent[]> {
    const filter = this.#filter;
    const events: FilteredLogEvent[] = [];
    let nextToken: string | undefined;
    do {
      const page = await ifThere(
        `Reading log group ${group}`,
        this.#context.clients.logs.send(
          new FilterLogEventsCommand({
            logGroupName: group,
            startTime: this.#from,
            nextToken,
            ...(filter === undefined ? {} : { filterPattern: JSON.stringify(filter) }),
          }),
        ),
        "ResourceNotFoundException",
      );
      events.push(...(page?.events ?? []));
      nextToken = page?.nextToken;
    } while (nextToken && !this.#context.signal.aborted);
    // CloudWatch Logs takes some characters of a text apart.
    return filter === undefined ? events : events.filter(({ message }) => message?.includes(filter));
  }
}
