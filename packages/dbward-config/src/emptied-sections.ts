import type { ConfigTable, ConfigValue } from "./toml/nodes.ts";

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
