import { type FilteredLogEvent, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { Deadline, redact } from "@dbward-aws/core";
import { ifThere } from "../aws-error.ts";
import { type Command, type CommandContext, UsageError } from "../command.ts";
import { findServices } from "../services.ts";

const ASK_EVERY_MS = 2_000;
/** Until Ctrl-C. */
const FOREVER_MS = 2 ** 31 - 1;

/** `pnpm ops logs`. */
export const logs: Command = {
  summary: "log lines of the server, of agents or of the poller",
  usage: "server | agent [NAME] | poller [--since 10m] [--follow]",
  maxWords: 2,
  options: { since: { type: "string", default: "10m" }, follow: { type: "boolean", short: "f" } },
  async run(context) {
    const groups = logGroups(context);
    const reader = new LogReader(context, Date.now() - durationMs(String(context.options.since)));
    const printed = await reader.read(groups);
    if (context.options.follow) await follow(reader, groups, context.signal);
    else if (printed === 0)
      context.print(`No lines in the last ${context.options.since} in ${groups.join(", ")}.`);
    return 0;
  },
};

async function follow(reader: LogReader, groups: readonly string[], signal: AbortSignal): Promise<void> {
  const untilStopped = Deadline.after(FOREVER_MS, signal);
  while (!untilStopped.passed) {
    await untilStopped.sleep(ASK_EVERY_MS);
    if (!untilStopped.passed) await reader.read(groups);
  }
}

function logGroups({ words, settings, names }: CommandContext): string[] {
  if (words.length === 0)
    throw new UsageError("logs needs to know whose.", "Such as: pnpm ops logs server --stage prod");
  if (words.length === 1 && words[0] === "poller") return [`/aws/lambda/${names.pollerFunction}`];
  return findServices(words, settings, names).map(({ logGroup }) => logGroup);
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function durationMs(text: string): number {
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (!amount || !unit)
    throw new UsageError(`--since can't be "${text}".`, "Write a time such as 30s, 10m, 2h or 1d.");
  return Number(amount) * UNITS[unit]!;
}

/** Reads on from where it was; an event that comes late is not lost, and none is printed twice. */
class LogReader {
  readonly #context: CommandContext;
  readonly #printed = new Set<string>();
  #from: number;

  constructor(context: CommandContext, from: number) {
    this.#context = context;
    this.#from = from;
  }

  /** @returns how many lines were printed */
  async read(groups: readonly string[]): Promise<number> {
    const found = await Promise.all(groups.map((group) => this.#events(group)));
    const fresh = found
      .flat()
      .filter(({ eventId }) => !this.#printed.has(eventId!))
      .sort((a, b) => a.timestamp! - b.timestamp!);
    for (const { eventId, timestamp, message = "" } of fresh) {
      this.#printed.add(eventId!);
      this.#context.print(`${new Date(timestamp!).toISOString()} ${redact(message.trimEnd())}`);
    }
    const last = fresh.at(-1)?.timestamp;
    if (last !== undefined) this.#from = Math.max(this.#from, last - LATE_MS);
    return fresh.length;
  }

  async #events(group: string): Promise<FilteredLogEvent[]> {
    const events: FilteredLogEvent[] = [];
    let nextToken: string | undefined;
    do {
      const page = await ifThere(
        `Reading log group ${group}`,
        this.#context.clients.logs.send(
          new FilterLogEventsCommand({ logGroupName: group, startTime: this.#from, nextToken }),
        ),
        "ResourceNotFoundException",
      );
      events.push(...(page?.events ?? []));
      nextToken = page?.nextToken;
    } while (nextToken && !this.#context.signal.aborted);
    return events;
  }
}

/** CloudWatch Logs may show an event some seconds after younger ones. */
const LATE_MS = 30_000;
