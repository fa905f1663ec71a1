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

A file, an inline text or an SSM parameter. Files and inline texts are checked when the settings are loaded, and the
deployment adds to server.toml what it owns: \`state_dir\`, \`[result_storage]\` (whatever the file has is replaced), the role
\`cloudwatch-metrics\` for the poller, and \`[logging] format = "json"\` unless the file says otherwise. Of a text in SSM only
\`[result_storage]\` is replaced, when the task starts; add the role yourself:

\`\`\`toml
[[auth.roles]]
name = "cloudwatch-metrics"
permissions = ["metrics.view"]
\`\`\`

Secrets stay out of both files: write \`\${NAME}\`, and name the secret under \`secrets\`. An agent's container has
\`DBWARD_AGENT_TOKEN\` and \`DATABASE_URL\`.
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
