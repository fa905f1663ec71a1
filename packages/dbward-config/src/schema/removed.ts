import { child } from "./path.ts";
import type { TableRule } from "./table.ts";

/**
 * Refuses a key of older versions, whatever it holds.
 *
 * @param instead what to do, as a sentence
 */
export function removed(name: string, instead: string): TableRule {
  return (table, path, report) => {
    const key = table.entries.get(name)?.key;
    if (!key) return;
    const place = child(path, key);
    report.add(key, place, "removed-key", `${report.render(place)} was removed from dbward. ${instead}`);
  };
}
