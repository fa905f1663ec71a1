import { parseArgs } from "node:util";
import { Fatal } from "../fatal.ts";

/** What the command line says. */
export interface Flags {
  /** Not parsed yet: dbward looks at it when it is about to listen. */
  readonly listen: string;
  readonly config: string;
  readonly forceBootstrap: boolean;
  readonly licenseKey: string | undefined;
  readonly licenseFile: string | undefined;
  readonly version: boolean;
}

/** @throws {Fatal} with exit code 2 for what it doesn't know */
export function readFlags(argv: readonly string[], environment: NodeJS.ProcessEnv): Flags {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        listen: { type: "string", default: "127.0.0.1:3000" },
        config: { type: "string", default: "dbward-server.toml" },
        "force-bootstrap": { type: "boolean", default: false },
        "license-key": { type: "string" },
        "license-file": { type: "string" },
        "license-offline": { type: "boolean" },
        "license-url": { type: "string" },
        version: { type: "boolean", short: "v", default: false },
      },
    });
    return {
      listen: values.listen,
      config: values.config,
      forceBootstrap: values["force-bootstrap"],
      licenseKey: values["license-key"] ?? environment.DBWARD_LICENSE_KEY,
      licenseFile: values["license-file"] ?? environment.DBWARD_LICENSE_FILE,
      version: values.version,
    };
  } catch (error) {
    throw new Fatal(`error: ${(error as Error).message}`, 2);
  }
}

/** Where to listen. @throws {Fatal} for anything but an IP address with a port */
export function readAddress(listen: string): { readonly host: string; readonly port: number } {
  const url = URL.canParse(`http://${listen}`) ? new URL(`http://${listen}`) : undefined;
  const [, host, port] = /^(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]):(\d+)$/i.exec(listen) ?? [];
  if (!url || host === undefined || Number(port) > 65_535)
    throw new Fatal("Error: invalid socket address syntax");
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}
