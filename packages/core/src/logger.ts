import { redactField } from "./redact.ts";

/** The fields of one log line; values are written as JSON. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes each event as one line of JSON. Whatever looks like a secret is redacted. */
export interface Logger {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/**
 * A {@link Logger} of lines `{"level","event",…fields}`. It never throws: of a field that JSON can't
 * represent, only the type is written.
 *
 * @param write called with each line, without its line end. @default - writes to standard output, which
 * Lambda and ECS send to CloudWatch Logs with a timestamp
 */
export function createLogger(
  write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
): Logger {
  const log =
    (level: string) =>
    (event: string, fields: LogFields = {}) =>
      write(line({ level, event, ...fields }));
  return { info: log("info"), warn: log("warn"), error: log("error") };
}

function line(fields: LogFields): string {
  try {
    return JSON.stringify(plain("", fields, 0));
  } catch (error) {
    const { level, event } = fields;
    return JSON.stringify({ level, event, unreadable: (error as Error).name });
  }
}

/** Fields below this depth are left out: the causes of an error could be circular. */
const MAX_DEPTH = 8;

/** A copy of `value` that JSON can represent, without secrets; errors have their causes. */
function plain(name: string, value: unknown, depth: number): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Error) return depth < MAX_DEPTH ? plainError(value, depth) : value.name;
  if (typeof value !== "object" || value === null) return redactField(name, value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (depth >= MAX_DEPTH) return "…";
  if ("toJSON" in value && typeof value.toJSON === "function")
    return plain(name, value.toJSON(name), depth + 1);
  if (Array.isArray(value)) return value.map((each) => plain(name, each, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(key, each, depth + 1)]));
}

function plainError(error: Error, depth: number): object {
  const { name, message, cause } = error;
  const code: unknown = (error as { code?: unknown }).code;
  return {
    name,
    message: plain("", message, depth),
    ...(code === undefined ? {} : { code: plain("code", code, depth + 1) }),
    ...(cause === undefined ? {} : { cause: plain("cause", cause, depth + 1) }),
  };
}
