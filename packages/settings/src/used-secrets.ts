import { AGENT } from "@dbward-aws/contract";
import { secretReference } from "./secret-reference.ts";
import type { StageSettings } from "./stage-settings.ts";

/** A secret or an SSM parameter that the user created and a task of the stage reads when it starts. */
export interface UsedSecret {
  readonly kind: "secret" | "parameter";
  /** Name or ARN, without a JSON key or version. */
  readonly name: string;
  /** Key of the value in a secret that holds JSON. @default - the whole secret */
  readonly jsonKey?: string;
  /** Staging label of the version. @default - that of `versionId`, or `AWSCURRENT` */
  readonly versionStage?: string;
  /** @default - the version with the label */
  readonly versionId?: string;
  /** Whose task: `server`, or the agent's name. */
  readonly part: string;
  /** Path of the setting inside the stage, such as `server.licenseKeySecret`. */
  readonly path: string;
  /** What it is used for: the setting's path, or the variable and its agent. */
  readonly use: string;
}

/** The secrets and SSM parameters that the settings name, once for each use. */
export function usedSecrets({
  server,
  agents,
}: Pick<StageSettings, "server" | "agents">): readonly UsedSecret[] {
  return [
    ...parameters("server", "server", server),
    ...(server.licenseKeySecret
      ? [secret("server", server.licenseKeySecret, "server.licenseKeySecret")]
      : []),
    ...Object.entries(server.secrets).map(([variable, text]) =>
      secret("server", text, `server.secrets.${variable}`),
    ),
    ...agents.flatMap((agent, index) => [
      ...parameters(agent.name, `agents.${index}`, agent),
      ...agent.databases.map(({ variable, urlSecret }, at) =>
        secret(
          agent.name,
          urlSecret,
          `agents.${index}.${pathOfDatabase(agent, at)}.urlSecret`,
          `database URL ${variable} of agent ${agent.name}`,
        ),
      ),
      ...Object.entries(agent.secrets).map(([variable, text]) =>
        secret(
          agent.name,
          text,
          `agents.${index}.secrets.${variable}`,
          `secrets.${variable} of agent ${agent.name}`,
        ),
      ),
    ]),
  ];
}

/** Path of a database inside its agent: one alone in `DATABASE_URL` is written as `database`, others as a list. */
export function pathOfDatabase(
  { databases }: { readonly databases: readonly { readonly variable: string }[] },
  index: number,
): string {
  const isAlone = databases.length === 1 && databases[0]?.variable === AGENT.databaseUrlVariable;
  return isAlone ? "database" : `databases.${index}`;
}

function secret(part: string, text: string, path: string, use = path): UsedSecret {
  const { secretId = text, ...version } = secretReference(text) ?? {};
  return { kind: "secret", name: secretId, ...version, part, path, use };
}

function parameters(
  part: string,
  at: string,
  { config }: StageSettings["server"] | StageSettings["agents"][number],
): UsedSecret[] {
  if (config.source !== "ssm") return [];
  const path = `${at}.configParameter`;
  return [{ kind: "parameter", name: config.parameter, part, path, use: `configuration of ${part}` }];
}
