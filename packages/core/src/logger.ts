import { redact } from "./redact.ts";

/** The fields of one log line; values are written as JSON. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one JSON line an event. Nothing that looks like a secret leaves it. */
export interface Logger {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/**
 * A {@link Logger} of lines `{"level","event",…fields}`.
 *
 * @param write takes one line without its line end. @default - writes to standard output, which Lambda and ECS
 * hand to CloudWatch Logs with a time of their own
 */
export function createLogger(
  write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
): Logger {
  const log =
    (level: string) =>
    (event: string, fields: LogFields = {}) =>
      write(redact(JSON.stringify({ level, event, ...fields }, plainErrors)));
  return { info: log("info"), warn: log("warn"), error: log("error") };
}

function plainErrors(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, cause } = value;
  const code: unknown = (value as { code?: unknown }).code;
  return {
    name,
    message,
    ...(code === undefined ? {} : { code }),
    ...(cause === undefined ? {} : { cause }),
  };
}
