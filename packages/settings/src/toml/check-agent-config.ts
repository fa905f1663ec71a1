import { AGENT, SERVER } from "@dbward-aws/contract";
import type { Findings } from "../findings.ts";
import { refusePlainSecrets } from "./plain-secrets.ts";
import type { TomlDocument } from "./toml-document.ts";
import { asTable, texts, variablesIn } from "./values.ts";

/** What the settings say that an agent.toml has to fit. */
export interface AgentConfigContext {
  /** Variables that the container has. */
  readonly variables: readonly string[];
  readonly stopTimeoutSeconds: unknown;
}

/** Checks what the agent would refuse at its start, and what can't work in its container. */
export function checkAgentConfig(
  document: TomlDocument,
  { variables, stopTimeoutSeconds }: AgentConfigContext,
  findings: Findings,
): void {
  checkServer(document, findings);
  checkDatabases(document, findings);

  for (const { path, text } of texts(document.root))
    for (const variable of variablesIn(text).filter((name) => !variables.includes(name)))
      findings.refuse(
        document.where(path),
        `${path.join(".")} reads \${${variable}}, which the container doesn't have: ` +
          `there are ${variables.join(", ")}; further ones are named under the agent's secrets`,
      );

  const { drain_timeout_secs } = document.root;
  if (
    typeof drain_timeout_secs === "number" &&
    typeof stopTimeoutSeconds === "number" &&
    drain_timeout_secs >= stopTimeoutSeconds
  )
    findings.warn(
      document.where(["drain_timeout_secs"]),
      `drain_timeout_secs is ${drain_timeout_secs}, but the task is killed after stopTimeoutSeconds ` +
        `(${stopTimeoutSeconds}): work in flight is cut off`,
    );

  refusePlainSecrets(document, findings);
}

function checkServer(document: TomlDocument, findings: Findings): void {
  const { url, agent_token, allow_insecure } = asTable(document.root.server);
  const inCluster = `http://${SERVER.serviceConnectName}:${SERVER.port}`;
  if (url === undefined) findings.refuse(document.where(["server"]), `[server] needs url = "${inCluster}"`);
  else if (typeof url !== "string" || !/^https?:\/\/[^/]/.test(url))
    findings.refuse(document.where(["server", "url"]), `server.url must be a URL such as "${inCluster}"`);
  else if (allow_insecure !== true && isPlainHttpToPublicAddress(url))
    findings.refuse(
      document.where(["server", "url"]),
      `server.url is plain HTTP to a public address, which the agent refuses: write "${inCluster}" or https://`,
    );

  const token = `\${${AGENT.tokenVariable}}`;
  if (agent_token === undefined)
    findings.refuse(document.where(["server"]), `[server] needs agent_token = "${token}"`);
  else if (agent_token !== token)
    findings.refuse(
      document.where(["server", "agent_token"]),
      `server.agent_token must be "${token}": the deployment fills it with the captured token`,
    );
}

function checkDatabases(document: TomlDocument, findings: Findings): void {
  const databases = Object.entries(asTable(document.root.databases)).flatMap(([name, environments]) =>
    Object.entries(asTable(environments)).map(([environment, entry]) => ({
      path: ["databases", name, environment],
      url: asTable(entry).url,
    })),
  );
  if (databases.length === 0)
    findings.refuse(
      document.where(["databases"]),
      `needs at least one database: [databases.NAME.ENVIRONMENT] with url = "\${${AGENT.databaseUrlVariable}}"`,
    );
  for (const { path, url } of databases) {
    const name = path.join(".");
    if (url === undefined)
      findings.refuse(document.where(path), `[${name}] needs url = "\${${AGENT.databaseUrlVariable}}"`);
    else if (typeof url !== "string" || !/^(\$\{|(postgres|postgresql|mysql):\/\/)/.test(url))
      findings.refuse(
        document.where([...path, "url"]),
        `${name}.url must be "\${${AGENT.databaseUrlVariable}}", or begin with postgres://, postgresql:// or mysql://`,
      );
  }
}

/** Only for addresses: where a name leads can't be told from its letters. */
function isPlainHttpToPublicAddress(url: string): boolean {
  const address = /^http:\/\/(\d+)\.(\d+)\.\d+\.\d+(?:[:/]|$)/.exec(url);
  if (!address) return false;
  const [a, b] = [Number(address[1]), Number(address[2])];
  return !(a === 10 || a === 127 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168));
}
