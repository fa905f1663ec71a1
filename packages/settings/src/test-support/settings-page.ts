import { readFileSync } from "node:fs";

/** A setting as dbward-config.ts declares and documents it. */
export interface DocumentedSetting {
  readonly name: string;
  readonly type: string;
  readonly optional: boolean;
  readonly meaning: string;
  /** What stands behind `@default`. */
  readonly default?: string;
}

export interface DocumentedSection {
  readonly name: string;
  readonly meaning: string;
  readonly settings: readonly DocumentedSetting[];
}

/** The interfaces of dbward-config.ts, inherited fields included, by their names. */
export function documentedSections(): Map<string, DocumentedSection> {
  const source = readFileSync(new URL("../dbward-config.ts", import.meta.url), "utf8");
  const sections = new Map<string, DocumentedSection>();
  const pattern =
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport interface (\w+)(?: extends (\w+))? \{\n([\s\S]*?)\n\}/g;
  for (const [, comment, name, , body] of source.matchAll(pattern))
    sections.set(name!, {
      name: name!,
      meaning: readComment(comment!).meaning,
      settings: readSettings(body!),
    });
  for (const [, , name, base] of source.matchAll(pattern)) {
    const section = sections.get(name!)!;
    if (base)
      sections.set(name!, { ...section, settings: [...section.settings, ...sections.get(base)!.settings] });
  }
  return sections;
}

function readSettings(body: string): DocumentedSetting[] {
  return [...body.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+readonly (\w+)(\?)?: ([^;]+);/g)].map(
    ([, comment, name, optional, type]) => ({
      name: name!,
      optional: optional !== undefined,
      type: type!.replace(/Readonly<(.*)>$/, "$1").replace(/^readonly /, ""),
      ...readComment(comment!),
    }),
  );
}

function readComment(comment: string): { meaning: string; default?: string } {
  const text = comment.replace(/\s*\n\s*\*\s?/g, " ").trim();
  const [meaning, given] = text.split(/\s*@default\s+/);
  return { meaning: meaning!, ...(given && { default: given }) };
}

/** Sections of the page in the order in which a reader meets them, each with the path that its settings have. */
export const PAGE_SECTIONS: readonly (readonly [path: string, section: string])[] = [
  ["stages.STAGE", "StageInput"],
  ["network", "NewNetworkInput"],
  ["network", "ExistingNetworkInput"],
  ["storage", "StorageInput"],
  ["server", "ServerInput"],
  ["server.image, agents[].image", "ImageInput"],
  ["server.deployment", "DeploymentInput"],
  ["server.loadBalancer", "LoadBalancerInput"],
  ["agents[]", "AgentInput"],
  ["agents[].database", "DatabaseInput"],
  ["capture", "CaptureInput"],
  ["monitoring", "MonitoringInput"],
];

/** Types that stand for a list of words, as the page shows them. */
const WORDS: Readonly<Record<string, string>> = {
  Egress: '"nat" | "endpoints" | "public"',
  CaptureMethod: '"exec" | "task"',
  Publisher: '"api" | "emf"',
  SubnetSettings: "{ id, availabilityZone }",
  "readonly SubnetSettings[]": "{ id, availabilityZone }[]",
  "SubnetSettings[]": "{ id, availabilityZone }[]",
};

/** docs/settings.md. */
export function settingsPage(): string {
  const sections = documentedSections();
  const parts = PAGE_SECTIONS.map(([path, name]) => {
    const section = sections.get(name)!;
    const rows = section.settings.map(
      (setting) =>
        `| \`${setting.name}\` | ${typeCell(setting)} | ${defaultCell(setting)} | ${cell(setting.meaning)} |`,
    );
    return [
      `## \`${path}\`: ${section.meaning.replace(/^The |\.$/g, (part) => (part === "." ? "" : "the "))}`,
      "",
      "| Setting | Type | Default | Meaning |",
      "|---|---|---|---|",
      ...rows,
    ].join("\n");
  });
  return `${INTRODUCTION}\n${parts.join("\n\n")}\n`;
}

const INTRODUCTION = `# Settings

Every setting of \`dbward.config.ts\`, with its type and default. Mistakes are reported all at once, each with its path,
before anything is created: try \`pnpm synth --stage prod\`, which needs no credentials. What exists in the account
(secrets, parameters, subnets) is checked by \`pnpm ops preflight --stage prod\`.

This page is made from the doc comments of \`packages/settings/src/dbward-config.ts\`; after a change there, run
\`pnpm --filter @dbward-aws/settings test -u\`.

## server.toml and agent.toml

A file, an inline text or an SSM parameter: all three are treated alike. They are checked by the rules of dbward 0.2.0, as the text that the
container gets; files and inline texts when the settings are loaded, a parameter by preflight. The value of a secret isn't known then: a text
is refused when no name, URL, network or role in its place would make dbward take it.

The deployment adds to server.toml what it sets itself; to a parameter's text when the task starts:

| | |
|---|---|
| \`state_dir\` | \`/data\`, where the file system is. |
| \`[result_storage]\` | \`backend\`, \`bucket\`, \`region\` and \`root_dir\`, from \`storage\`; others in the text are replaced, with a warning. All further keys stay, such as \`max_persist_bytes\`. Refused are \`endpoint\`, \`access_key_id\` and \`secret_access_key\`, and a \`prefix\` that is not \`results\` or below it. |
| \`[[auth.roles]]\` | The role \`cloudwatch-metrics\` for the poller, unless the text has it. |
| \`[logging]\` | \`format = "json"\`, unless the text says otherwise. |

Write \`[auth]\`, \`[[auth.roles]]\`, \`[logging]\` and \`[result_storage]\` as tables with these headers, not inline and not with dotted keys: the
deployment adds lines to them.

Secrets stay out of both files: write \`"\${NAME}"\`, always in double quotes, and name the secret under \`secrets\`. Any value works, with quotes, backslashes
or \`\${\` in it; line ends at its end are left out. A number or a list can't come from a secret. An agent's container has \`DBWARD_AGENT_TOKEN\` and
\`DATABASE_URL\`, every container \`RUST_LOG\`. Other variables have their default, \`\${NAME:-default}\`, or are refused. A variable that stands for a whole URL
(\`url = "\${NAME}"\`) must hold one, else the container ends with a message: dbward would print the value into its log.

dbward doesn't start when a section of server.toml that had entries loses the last one: databases, workflows, webhooks and policies. Preflight
compares with the text of the running server.
`;

function typeCell({ type, optional }: DocumentedSetting): string {
  const known = WORDS[type] ?? type;
  const shown = /^[A-Z]\w+Input/.test(known)
    ? known.endsWith("[]")
      ? "list, see below"
      : "see below"
    : `\`${known}\``;
  return `${cell(shown)}${optional ? "" : ", required"}`;
}

function defaultCell({ default: value, name }: DocumentedSetting): string {
  if (/^config(File|Toml|Parameter)$/.test(name)) return "one of the three";
  if (value === undefined) return "";
  return isJson(value) ? `\`${value}\`` : cell(value);
}

/** Whether a default is a value, not a description of one. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
