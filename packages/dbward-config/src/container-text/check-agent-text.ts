import { AGENT, LOG_FILTER_VARIABLE } from "@dbward-aws/contract";
import { variablesIn } from "../variables/references.ts";
import { checkText, type TextVariables } from "./check-text.ts";
import type { Findings } from "./findings.ts";
import { BARE_VALUE, POSSIBLE_VALUES } from "./stand-ins.ts";
import { asTable } from "./values.ts";

/** The settings that an agent.toml has to fit. */
export interface AgentTextContext {
  /** Names of the variables with the URLs of the agent's databases. */
  readonly databases: readonly string[];
  /** Names of the variables under the agent's `secrets`. */
  readonly secrets: readonly string[];
  readonly rustLog: string;
  readonly stopTimeoutSeconds: number;
}

/** `drain_timeout_secs` of an agent.toml that doesn't set it, in dbward 0.2.0. */
const DEFAULT_DRAIN_SECONDS = 60;

/**
 * Checks an agent.toml, from a file or a parameter, in the form in which the agent gets it.
 *
 * @param name name of the text in findings
 */
export function checkAgentText(
  name: string,
  toml: string,
  context: AgentTextContext,
  findings: Findings,
): void {
  const checked = checkText(
    {
      name,
      program: "agent",
      text: toml,
      variables: variablesOf(context),
      secretsSetting: "the agent's secrets",
      reportedByCaller: ["agent-token"],
    },
    findings,
  );
  if (!checked) return;
  const { config, where } = checked;

  const { agent_token } = asTable(config.server);
  if (typeof agent_token === "string" && agent_token !== TOKEN)
    findings.refuse(
      where(["server", "agent_token"]),
      `server.agent_token must be "\${${AGENT.tokenVariable}}": the deployment fills it with the captured token`,
      "agent-token",
    );

  for (const [database, environments] of Object.entries(asTable(config.databases)))
    if (Object.keys(asTable(environments)).length === 0)
      findings.warn(
        where(["databases", database]),
        `databases.${database} has no environments, so the agent does not serve it`,
      );

  const referred = new Set(variablesIn(toml).map(({ name: variable }) => variable));
  for (const variable of context.databases)
    if (!referred.has(variable))
      findings.warn(
        name,
        `does not use "\${${variable}}", so the agent does not serve the database with that URL`,
      );

  const { drain_timeout_secs: drain = DEFAULT_DRAIN_SECONDS } = config;
  if (Number(drain) >= context.stopTimeoutSeconds)
    findings.warn(
      config.drain_timeout_secs === undefined ? name : where(["drain_timeout_secs"]),
      `drain_timeout_secs is ${drain}, but the task is killed after stopTimeoutSeconds (${context.stopTimeoutSeconds}): ` +
        "running requests are cut off",
    );
}

/** Possible values of a database URL. */
const DATABASE_URLS = ["postgres://stand-in@db.internal/app", "stand-in", BARE_VALUE];
/** A placeholder in the format of a token. */
const TOKEN = `dbw_${"0".repeat(32)}`;

function variablesOf({ databases, secrets, rustLog }: AgentTextContext): TextVariables {
  return {
    secrets: {
      [AGENT.tokenVariable]: [TOKEN, BARE_VALUE],
      ...Object.fromEntries(databases.map((name) => [name, DATABASE_URLS])),
      ...Object.fromEntries(secrets.map((name) => [name, POSSIBLE_VALUES])),
    },
    plain: { [LOG_FILTER_VARIABLE]: rustLog },
  };
}
