import { LOG_FILTER_VARIABLE, METRICS_PERMISSION, METRICS_ROLE, SERVER } from "@dbward-aws/contract";
import { readConfig } from "../check-config.ts";
import type { ResultStorage } from "../render/owned-texts.ts";
import { renderServerConfig } from "../render/render-server-config.ts";
import type { ConfigTable } from "../toml/nodes.ts";
import { checkText, type TextVariables } from "./check-text.ts";
import type { Findings } from "./findings.ts";
import { POSSIBLE_VALUES } from "./stand-ins.ts";
import { asArray, asTable } from "./values.ts";

/** The settings that a server.toml has to fit. */
export interface ServerTextContext {
  /** Names of the variables under `server.secrets`. */
  readonly secrets: readonly string[];
  readonly rustLog: string;
  readonly backend: ResultStorage["backend"];
}

/**
 * Checks a server.toml, from a file or a parameter, in the form in which the server gets it: with the deployment's additions and changes.
 *
 * @param name name of the text in findings
 */
export function checkServerText(
  name: string,
  toml: string,
  context: ServerTextContext,
  findings: Findings,
): void {
  const { text, origins, replaced } = renderServerConfig(toml, STORAGES[context.backend]);
  const checked = checkText(
    {
      name,
      program: "server",
      text,
      origins,
      variables: variablesOf(context),
      secretsSetting: "server.secrets",
    },
    findings,
  );
  if (!checked) return;
  const { config, where, standIns } = checked;

  if (typeof config.state_dir === "string" && config.state_dir !== SERVER.stateDirectory)
    findings.refuse(
      where(["state_dir"]),
      `state_dir must be "${SERVER.stateDirectory}", where the file system is mounted. Leave it out: the deployment sets it`,
      "state-directory",
    );
  asArray(asTable(config.auth).roles).forEach((role, index) => {
    const { name: roleName, permissions } = asTable(role);
    if (roleName === METRICS_ROLE && !asArray(permissions).some(letsReadMetrics))
      findings.refuse(
        where(["auth", "roles", index]),
        `role "${METRICS_ROLE}" is the poller's and needs permissions = ["${METRICS_PERMISSION}"]. Leave the role out: ` +
          "the deployment adds it",
        "metrics-role",
      );
  });
  if (asTable(asTable(config.auth).token_policy).max_active_tokens_per_user === 1)
    findings.warn(
      where(["auth", "token_policy", "max_active_tokens_per_user"]),
      "allows each user one token, so that no token can be rotated: the new one is created before the old one is revoked. " +
        "Set it to at least 2",
    );
  if (asArray(config.workflows).length === 0)
    findings.warn(name, "has no [[workflows]]: the server will refuse every request");
  asArray(config.databases).forEach((database, index) => {
    if (asArray(asTable(database).environments).length === 0)
      findings.warn(
        where(["databases", index]),
        "names no environments, so the server will not know this database",
      );
  });

  const own = asTable(readConfig("server", toml, standIns).config?.result_storage);
  for (const { line, key } of replaced) checkReplaced(`${name}:${line}`, key, own, context, findings);
  const { prefix } = asTable(config.result_storage);
  if (context.backend === "s3" && typeof prefix === "string" && !/^results(\/|$)/.test(prefix))
    findings.refuse(
      where(["result_storage", "prefix"]),
      'result_storage.prefix must be "results" or begin with "results/": the server may write to nothing else in the bucket',
      "result-prefix",
    );
}

/** Placeholders for values that are only known when the stacks are created. */
const STORAGES = {
  s3: { backend: "s3", bucket: "stand-in", region: "us-east-1" },
  local: { backend: "local" },
} as const satisfies Record<string, ResultStorage>;

function variablesOf({ secrets, rustLog }: ServerTextContext): TextVariables {
  return {
    secrets: Object.fromEntries(secrets.map((name) => [name, POSSIBLE_VALUES])),
    plain: { [LOG_FILTER_VARIABLE]: rustLog },
  };
}

/** `*`, or the permission with or without a scope. */
function letsReadMetrics(permission: unknown): boolean {
  return (
    permission === "*" || (typeof permission === "string" && permission.split(":")[0] === METRICS_PERMISSION)
  );
}

/** A key of `[result_storage]` that the deployment replaces or removes. */
function checkReplaced(
  where: string,
  key: string,
  own: ConfigTable,
  { backend }: ServerTextContext,
  findings: Findings,
): void {
  if (["endpoint", "access_key_id", "secret_access_key"].includes(key)) {
    findings.refuse(
      where,
      `result_storage.${key} can't be set: the server reaches the stage's own storage with the role of its task. Leave it out`,
      "result-storage",
    );
    return;
  }
  const rendered = asTable(
    readConfig("server", renderServerConfig("", STORAGES[backend]).text, {}).config?.result_storage,
  );
  if (own[key] !== rendered[key])
    findings.warn(
      where,
      `result_storage.${key} is replaced: the deployment keeps results ${backend === "s3" ? "in a bucket" : "on the file system"}. Leave it out`,
    );
}
