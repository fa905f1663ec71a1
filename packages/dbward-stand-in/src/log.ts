/** Writes a line an event to standard output, as dbward does. */
export type Log = (
  level: "INFO" | "WARN" | "ERROR",
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** @param target what writes: `dbward_server` or `dbward_agent` */
export function createLog(target: string, format: "json" | "text" = "json"): Log {
  return (level, message, fields = {}) => {
    const timestamp = new Date().toISOString();
    const line =
      format === "json"
        ? JSON.stringify({ timestamp, level, fields: { message, ...fields }, target })
        : [timestamp, level.padStart(5), `${target}:`, message, ...Object.entries(fields).map(asText)].join(
            " ",
          );
    process.stdout.write(`${line.replace(SECRET, "[redacted]")}\n`);
  };
}

function asText([name, value]: [string, unknown]): string {
  return `${name}=${JSON.stringify(value)}`;
}

/** Tokens, and the login in a URL. */
const SECRET = /dbw_[0-9a-f]+|(?<=:\/\/)[^\s/@"]+(?=@)/g;
