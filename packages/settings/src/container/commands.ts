import { CONFIG_VARIABLE, SERVER } from "@dbward-aws/contract";
import type { ConfigSettings } from "../stage-settings.ts";
import { type ResultStorage, renderResultStorage, renderServerConfig } from "../toml/render-server-config.ts";
import { DROP_RESULT_STORAGE } from "./drop-result-storage.ts";
import { RESULT_STORAGE_VARIABLE } from "./variables.ts";

const SERVER_FILE = "/tmp/server.toml";
const AGENT_FILE = "/tmp/agent.toml";
const START_SERVER = `exec dbward-server --listen 0.0.0.0:${SERVER.port} --config ${SERVER_FILE}`;

/**
 * Command of the server's container. Writes the configuration to a file and becomes the server; a configuration
 * from SSM gets the stage's `[result_storage]` on the way, a rendered one has it already.
 */
export function serverCommand(config: ConfigSettings): string[] {
  return config.source === "rendered"
    ? command(
        `printf '%s\\n' "$${CONFIG_VARIABLE}" > ${SERVER_FILE}`,
        `unset ${CONFIG_VARIABLE}`,
        START_SERVER,
      )
    : command(
        `printf '%s\\n' "$${CONFIG_VARIABLE}" | awk '${DROP_RESULT_STORAGE}' > ${SERVER_FILE}` +
          ` && printf '\\n%s\\n' "$${RESULT_STORAGE_VARIABLE}" >> ${SERVER_FILE}`,
        `unset ${CONFIG_VARIABLE} ${RESULT_STORAGE_VARIABLE}`,
        START_SERVER,
      );
}

/**
 * Plain environment variables that {@link serverCommand} reads. With a configuration from SSM,
 * {@link CONFIG_VARIABLE} is to be filled from the parameter as a secret of the container.
 */
export function serverEnvironment(config: ConfigSettings, storage: ResultStorage): Record<string, string> {
  return config.source === "rendered"
    ? { [CONFIG_VARIABLE]: renderServerConfig(config.toml, storage) }
    : { [RESULT_STORAGE_VARIABLE]: renderResultStorage(storage) };
}

/** Command of an agent's container: writes the configuration to a file and becomes the agent. */
export function agentCommand(): string[] {
  return command(
    `printf '%s\\n' "$${CONFIG_VARIABLE}" > ${AGENT_FILE}`,
    `unset ${CONFIG_VARIABLE}`,
    `exec dbward-agent --config ${AGENT_FILE}`,
  );
}

/** As {@link serverEnvironment}, for {@link agentCommand}. */
export function agentEnvironment(config: ConfigSettings): Record<string, string> {
  return config.source === "rendered" ? { [CONFIG_VARIABLE]: config.toml } : {};
}

/** The file is for its reader alone; the umask ends with the parentheses, and the process keeps its own. */
function command(write: string, forget: string, become: string): string[] {
  return ["sh", "-c", `(umask 077 && ${write}) && ${forget} && ${become}`];
}
