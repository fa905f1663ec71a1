import { CONFIG_VARIABLE, SERVER } from "@dbward-aws/contract";
import { type ResultStorage, resultStorageLines, STORAGE_HEADER } from "./owned-texts.ts";
import { renderServerConfig } from "./render-server-config.ts";
import { SECRET_AWK, URL_AWK } from "./secret-awk.ts";
import { SERVER_CONFIG_AWK } from "./server-config-awk.ts";

/** A configuration file: its text, or the name of an SSM parameter whose text the container gets when a task starts. */
export type ConfigSource =
  | { readonly source: "rendered"; readonly toml: string }
  | { readonly source: "ssm"; readonly parameter: string };

/** What the command of a container has to know. */
export interface ContainerConfig {
  readonly config: ConfigSource;
  /** Variables of the container that are filled from secrets and that the configuration may refer to. */
  readonly secretVariables: readonly string[];
  /** Variables that are filled from secrets and that the program reads itself. @default none */
  readonly programVariables?: readonly string[];
}

/** Environment variable with the `[result_storage]` that a server.toml from SSM gets. */
const STORAGE_VARIABLE = "DBWARD_RESULT_STORAGE_TOML";

const SERVER_FILE = "/tmp/server.toml";
const AGENT_FILE = "/tmp/agent.toml";

/**
 * Command of the server's container: `sh`, `-c` and a script that prepares the secrets, writes the configuration to a file and ends by
 * becoming the server, so that flags for the server can be put behind it. A text from SSM becomes on the way what
 * {@link renderServerConfig} makes of a file.
 */
export function serverCommand(container: ContainerConfig): string[] {
  const text = `printf %s "$${CONFIG_VARIABLE}"`;
  const rendered =
    container.config.source === "rendered"
      ? text
      : `${text} | LC_ALL=C awk -v storage=${STORAGE_VARIABLE} '${SERVER_CONFIG_AWK}'`;
  return command(
    container,
    `${rendered} > ${SERVER_FILE}`,
    SERVER_FILE,
    `exec dbward-server --listen 0.0.0.0:${SERVER.port} --config ${SERVER_FILE}`,
  );
}

/**
 * Plain environment variables that {@link serverCommand} reads. With a configuration from SSM, `DBWARD_CONFIG_TOML` is to be filled from
 * the parameter as a secret of the container.
 */
export function serverEnvironment(config: ConfigSource, storage: ResultStorage): Record<string, string> {
  return config.source === "rendered"
    ? { [CONFIG_VARIABLE]: renderServerConfig(config.toml, storage).text }
    : { [STORAGE_VARIABLE]: [STORAGE_HEADER, ...resultStorageLines(storage)].join("\n") };
}

/** Command of an agent's container, as {@link serverCommand}; its text is left as it is. */
export function agentCommand(container: ContainerConfig): string[] {
  return command(
    container,
    `printf %s "$${CONFIG_VARIABLE}" > ${AGENT_FILE}`,
    AGENT_FILE,
    `exec dbward-agent --config ${AGENT_FILE}`,
  );
}

/** As {@link serverEnvironment}, for {@link agentCommand}. */
export function agentEnvironment(config: ConfigSource): Record<string, string> {
  return config.source === "rendered" ? { [CONFIG_VARIABLE]: config.toml } : {};
}

/** The file is for its reader alone; the umask ends with the parentheses, and the process keeps its own. */
function command(container: ContainerConfig, write: string, file: string, become: string): string[] {
  const script = [
    `(umask 077 && ${write})`,
    `unset ${CONFIG_VARIABLE} ${STORAGE_VARIABLE}`,
    ...prepare(container.programVariables ?? [], " -v raw=1"),
    ...prepare(container.secretVariables, ""),
    `{ LC_ALL=C awk '${URL_AWK}' ${file} >&2 || exit 1; }`,
    become,
  ];
  return ["sh", "-c", script.join(" && ")];
}

function prepare(names: readonly string[], options: string): string[] {
  if (names.length === 0) return [];
  const value = `$(LC_ALL=C awk -v name=$name${options} '${SECRET_AWK}')`;
  return [`for name in ${names.join(" ")}; do value="${value}" && export "$name=$value" || exit 1; done`];
}
