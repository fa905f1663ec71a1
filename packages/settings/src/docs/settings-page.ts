import { z } from "zod";
import { existingNetwork } from "../schema/network.ts";
import { PRESETS, type PresetValue } from "../schema/presets.ts";
import { stageSchema } from "../schema/stage.ts";

/** A setting in JSON Schema, with the additions of the schema's `.meta`. */
interface Described {
  readonly type?: string;
  /** Heading of its section, if it contains settings. */
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  /** What applies when the setting is left out, if it has no default value. */
  readonly whenOmitted?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Described[];
  readonly items?: Described;
  readonly additionalProperties?: Described | false;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly required?: readonly string[];
}

interface Section {
  readonly title: string;
  readonly paths: string[];
  readonly schema: Described;
}

/** The sections of docs/settings.md: one for each object of the schema, with a row for each setting. */
export function settingsSections(): string {
  const stage = describe(stageSchema({}));
  const sections: Section[] = [{ title: "One stage", paths: ["stages.STAGE"], schema: stage }];
  collect(stage, "", sections);
  const created = sections.findIndex(({ paths }) => paths.includes("network"));
  const existing = describe(existingNetwork);
  sections.splice(created, 0, { title: existing.title!, paths: ["network"], schema: existing });
  const [ofStage = "", ...others] = sections.map(sectionText);
  return [ofStage, ...Object.entries(PRESETS).map(presetText), ...others].join("\n\n");
}

function presetText([name, values]: [string, readonly PresetValue[]]): string {
  const rows = values.map(({ setting, value, because, unless = [] }) =>
    row([
      `\`${setting}\``,
      `\`${JSON.stringify(value)}\``,
      unless.length === 0 ? "always" : `without ${unless.map((path) => `\`${path}\``).join(" and ")}`,
      because,
    ]),
  );
  return [
    `## \`preset: "${name}"\``,
    "",
    row(["Setting", "Value when left out", "Used", "Why"]),
    "|---|---|---|---|",
    ...rows,
  ].join("\n");
}

function describe(schema: z.ZodType): Described {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Described;
}

/** Adds a section for every object below `schema`; objects of one title, such as the images, share theirs. */
function collect(schema: Described, path: string, sections: Section[]): void {
  for (const [name, setting] of Object.entries(schema.properties ?? {})) {
    const isList = setting.items !== undefined;
    const inner = setting.items ?? setting;
    if (inner.properties === undefined || inner.title === undefined) continue;
    const at = `${path}${name}${isList ? "[]" : ""}`;
    const same = sections.find(({ title }) => title === inner.title);
    if (same) same.paths.push(at);
    else sections.push({ title: inner.title, paths: [at], schema: inner });
    collect(inner, `${at}.`, sections);
  }
}

function sectionText({ title, paths, schema }: Section): string {
  const rows = Object.entries(schema.properties ?? {}).map(([name, setting]) => {
    const required = schema.required?.includes(name) ? ", required" : "";
    return row([
      `\`${name}\``,
      `${typeCell(setting)}${required}`,
      defaultCell(setting, required !== ""),
      setting.description ?? "",
    ]);
  });
  return [
    `## \`${paths.join(", ")}\`: ${title}`,
    "",
    row(["Setting", "Type", "Default", "Meaning"]),
    "|---|---|---|---|",
    ...rows,
  ].join("\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function typeCell(setting: Described): string {
  if (setting.items?.title !== undefined) return "list, see below";
  return setting.title === undefined ? `\`${typeOf(setting)}\`` : "see below";
}

function typeOf(described: Described): string {
  const { type, anyOf, enum: values, items, properties, required = [], additionalProperties } = described;
  if (anyOf) return anyOf.map(typeOf).join(" | ");
  if (values) return values.map((value) => `"${value}"`).join(" | ");
  if (items) return (items.anyOf ?? items.enum) ? `(${typeOf(items)})[]` : `${typeOf(items)}[]`;
  if (properties) {
    const names = Object.keys(properties).map((name) => (required.includes(name) ? name : `${name}?`));
    return `{ ${names.join(", ")} }`;
  }
  if (additionalProperties) return `Record<string, ${typeOf(additionalProperties)}>`;
  return type === "integer" ? "number" : (type ?? "unknown");
}

function defaultCell({ default: value, whenOmitted, title }: Described, isRequired: boolean): string {
  if (whenOmitted !== undefined) return whenOmitted;
  if (value !== undefined && title === undefined) return `\`${JSON.stringify(value)}\``;
  return isRequired || value !== undefined ? "" : "none";
}
