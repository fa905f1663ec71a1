import {
  type CloudWatchLogsClient,
  GetQueryResultsCommand,
  StartQueryCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { Deadline, redact } from "@dbward-aws/core";

/** One line of the answer, by field. */
export type LogRow = Readonly<Record<string, string>>;

/** Milliseconds for a query of Logs Insights, and between two looks at it. */
const PATIENCE = 15_000;
const INTERVAL = 250;
const OVER = new Set(["Complete", "Failed", "Cancelled", "Timeout"]);

/**
 * Runs the query of a log widget, whose text begins with its log groups: `SOURCE 'a' | SOURCE 'b' | fields …`.
 *
 * @param from @param to seconds since the epoch
 * @throws Error when it does not end in time or fails
 */
export async function readLogQuery(
  logs: CloudWatchLogsClient,
  query: string,
  from: number,
  to: number,
): Promise<LogRow[]> {
  const logGroupNames = [...query.matchAll(/SOURCE '([^']+)'/g)].map((match) => match[1]!);
  const queryString = query.replace(/^(\s*SOURCE '[^']+'\s*\|)+/, "").trim();
  const { queryId } = await logs.send(
    new StartQueryCommand({ logGroupNames, queryString, startTime: from, endTime: to }),
  );
  const answer = await Deadline.after(PATIENCE).until(async () => {
    const results = await logs.send(new GetQueryResultsCommand({ queryId }));
    return OVER.has(results.status ?? "") ? results : undefined;
  }, INTERVAL);
  if (answer?.status !== "Complete")
    throw new Error(`The query of the log groups ended with: ${answer?.status ?? "no answer in time"}.`);
  return (answer.results ?? []).map((fields) =>
    Object.fromEntries(
      fields
        .filter(({ field }) => field !== "@ptr")
        .map(({ field, value }) => [field ?? "", redact(value ?? "")]),
    ),
  );
}
