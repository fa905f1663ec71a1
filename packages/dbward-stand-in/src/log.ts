/** Writes one JSON line an event to standard output, as dbward does with `[logging] format = "json"`. */
export type Log = (
  level: "INFO" | "WARN" | "ERROR",
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** @param target what writes: `dbward_server` or `dbward_agent` */
export function createLog(target: string): Log {
  return (level, message, fields = {}) => {
    const line = JSON.stringify({ timestamp: new Date().toISOString(), level, target, message, ...fields });
    process.stdout.write(`${line.replace(TOKEN, "dbw_[redacted]")}\n`);
  };
}

const TOKEN = /dbw_[0-9a-f]+/g;
