import { CONFIG_VARIABLE, SERVER } from "@dbward-aws/contract";
import { type ResultStorage, resultStorageLines, STORAGE_HEADER } from "./owned-texts.ts";
import { renderServerConfig } from "./render-server-config.ts";
import { SECRET_AWK, URL_AWK } from "./secret-awk.ts";
import { SERVER_CONFIG_AWK } from "./server-config-awk.ts";

/** The source of a configuration: its text, or the name of an SSM parameter whose text the container gets when a task starts. */
export type ConfigSource =
  | { readonly source: "rendered"; readonly toml: string }
  | { readonly source: "ssm"; readonly parameter: string };

/** The input for the command of a container. */
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
 * Command of the server's container: `sh`, `-c` and a script that prepares the secrets, writes the configuration to a file and finally
 * executes the server, so that flags for the server can be appended. A text from SSM is changed in the same way in which
 * {@link renderServerConfig} changes a file.
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
 * Plain environment variables that {@link serverCommand} reads. With a configuration from SSM, `DBWARD_CONFIG_TOML` must be a
 * secret of the container that is filled from the parameter.
 */
export function serverEnvironment(config: ConfigSource, storage: ResultStorage): Record<string, string> {
  return config.source === "rendered"
    ? { [CONFIG_VARIABLE]: renderServerConfig(config.toml, storage).text }
    : { [STORAGE_VARIABLE]: [STORAGE_HEADER, ...resultStorageLines(storage)].join("\n") };
}

/** Where a server with the variables of {@link serverEnvironment} keeps its results, when its configuration is in SSM. */
export function storageBackendIn(environment: Readonly<Record<string, string>>): ResultStorage["backend"] {
  return environment[STORAGE_VARIABLE]?.includes('\nbackend = "local"\n') ? "local" : "s3";
}

/** Command of an agent's container, like {@link serverCommand}; the text is not changed. */
export function agentCommand(container: ContainerConfig): string[] {
  return command(
    container,
    `printf %s "$${CONFIG_VARIABLE}" > ${AGENT_FILE}`,
    AGENT_FILE,
    `exec dbward-agent --config ${AGENT_FILE}`,
  );
}

/** Like {@link serverEnvironment}, for {@link agentCommand}. */
export function agentEnvironment(config: ConfigSource): Record<string, string> {
  return config.source === "rendered" ? { [CONFIG_VARIABLE]: config.toml } : {};
}

/** Only the program can read the file. The umask applies inside the parentheses only. */
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
