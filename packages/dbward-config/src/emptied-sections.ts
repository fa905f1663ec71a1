import { readConfig } from "./check-config.ts";
import type { ConfigTable, ConfigValue } from "./toml/nodes.ts";
import { variablesIn } from "./variables/references.ts";

/** Sections whose entries a server stores in its database. Once there are some, dbward refuses to start without any. */
export const KEPT_SECTIONS = [
  "databases",
  "workflows",
  "execution_policies",
  "webhooks",
  "result_policies",
  "notification_policies",
] as const;

/**
 * The sections because of which a server that has run with `before` refuses to start with `after`: they had entries, and have none now.
 * Single entries may be removed.
 */
export function emptiedSections(before: ConfigTable, after: ConfigTable): string[] {
  return KEPT_SECTIONS.filter((section) => {
    const kept = entries(before[section]).filter((entry) => section !== "databases" || isRegistered(entry));
    return kept.length > 0 && entries(after[section]).length === 0;
  });
}

/**
 * {@link emptiedSections} of two texts. Empty as well when one of them can't be read, which the rules report.
 *
 * @param before the text that the server runs with
 */
export function emptiedSectionsOfTexts(before: string, after: string): string[] {
  const [old, next] = [before, after].map(contentOf);
  return old && next ? emptiedSections(old, next) : [];
}

/** What a text says. The values of variables don't matter here; one that no text needs between quotes fits everywhere. */
function contentOf(toml: string): ConfigTable | undefined {
  const values = Object.fromEntries(variablesIn(toml).map(({ name }) => [name, "1"]));
  return readConfig("server", toml, values).config;
}

/** A database without environments is read but not stored. */
function isRegistered(database: ConfigValue): boolean {
  return (
    typeof database === "object" &&
    !Array.isArray(database) &&
    entries((database as ConfigTable).environments).length > 0
  );
}

function entries(section: ConfigValue | undefined): readonly ConfigValue[] {
  return Array.isArray(section) ? section : [];
}
