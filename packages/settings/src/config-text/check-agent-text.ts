import { AGENT, LOG_FILTER_VARIABLE } from "@dbward-aws/contract";
import type { Findings } from "../findings.ts";
import { checkText, type TextVariables } from "./check-text.ts";
import { BARE_VALUE, POSSIBLE_VALUES } from "./stand-ins.ts";
import { asTable } from "./values.ts";

/** What the settings say that an agent.toml has to fit. */
export interface AgentTextContext {
  /** Names of the variables under the agent's `secrets`. */
  readonly secrets: readonly string[];
  readonly rustLog: string;
  readonly stopTimeoutSeconds: number;
}

/** `drain_timeout_secs` of an agent.toml that doesn't set it, in dbward 0.2.0. */
const DEFAULT_DRAIN_SECONDS = 60;

/**
 * Checks an agent.toml, from a file or a parameter, as the agent will get it.
 *
 * @param name what findings call the text
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
      toldByCaller: ["agent-token"],
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
    );

  for (const [database, environments] of Object.entries(asTable(config.databases)))
    if (Object.keys(asTable(environments)).length === 0)
      findings.warn(
        where(["databases", database]),
        `databases.${database} has no environments, so the agent serves nothing of it`,
      );

  const { drain_timeout_secs: drain = DEFAULT_DRAIN_SECONDS } = config;
  if (Number(drain) >= context.stopTimeoutSeconds)
    findings.warn(
      config.drain_timeout_secs === undefined ? name : where(["drain_timeout_secs"]),
      `drain_timeout_secs is ${drain}, but the task is killed after stopTimeoutSeconds (${context.stopTimeoutSeconds}): ` +
        "work in flight is cut off",
    );
}

/** Has the form of a token, and is none. */
const TOKEN = `dbw_${"0".repeat(32)}`;

function variablesOf({ secrets, rustLog }: AgentTextContext): TextVariables {
  return {
    secrets: {
      [AGENT.tokenVariable]: [TOKEN, BARE_VALUE],
      [AGENT.databaseUrlVariable]: ["postgres://stand-in@db.internal/app", "stand-in", BARE_VALUE],
      ...Object.fromEntries(secrets.map((name) => [name, POSSIBLE_VALUES])),
    },
    plain: { [LOG_FILTER_VARIABLE]: rustLog },
  };
}
