import type { StageInput } from "./schema/stage.ts";

/** What dbward.config.ts exports. */
export interface DbwardConfig {
  /** The stages by the names that `--stage` takes: letters, digits and hyphens. */
  readonly stages: Readonly<Record<string, StageInput>>;
}

/** Gives dbward.config.ts its types. The values are checked when a stage is loaded. */
export function defineConfig(config: DbwardConfig): DbwardConfig {
  return config;
}
