import { Fatal } from "../fatal.ts";
import type { App } from "./app/app.ts";
import { type LoadedConfig, lineOf } from "./config/server-config.ts";

/**
 * Takes a file that was read, as dbward writes one into its database.
 *
 * @throws {Fatal} when a section that had entries is missing, or for what dbward finds out only now
 */
export function syncConfig(app: App, { config, late }: LoadedConfig): void {
  const { state } = app.store;
  const left = state.synced.filter((section) => !config.sections.includes(section));
  if (left.length > 0)
    throw new Fatal(
      `Error: the database contains entries of ${left.join(", ")}, and the config has no [[${left[0]}]] entries. Add some: a section can't be left out later.`,
    );
  if (late.length > 0) throw new Fatal(`Error: ${late.map(lineOf).join("\n  ")}`);
  app.config = config;
  state.synced = [...config.sections];
  app.audit.record({ type: "config.synced", category: "policy", actor: "system", actorType: "system" });
  app.store.flush();
}
