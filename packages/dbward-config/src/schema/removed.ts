import { child } from "./path.ts";
import type { TableRule } from "./table.ts";

/**
 * Refuses a key of older versions, whatever its value is.
 *
 * @param instead what to do instead, as a sentence
 */
export function removed(name: string, instead: string): TableRule {
  return (table, path, report) => {
    const key = table.entries.get(name)?.key;
    if (!key) return;
    const place = child(path, key);
    report.add(key, place, "removed-key", `${report.render(place)} was removed from dbward. ${instead}`);
  };
}
