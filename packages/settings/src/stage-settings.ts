import type { AgentSettings } from "./schema/agent.ts";
import type { DeepReadonly } from "./schema/deep-readonly.ts";
import type { HoursSettings } from "./schema/hours.ts";
import type { ServerSettings } from "./schema/server.ts";
import type { ParsedStage } from "./schema/stage.ts";

/** The settings of a stage as the stacks need them: checked, and with defaults filled in. */
export type StageSettings = DeepReadonly<
  Omit<ParsedStage, "server" | "agents" | "hours" | "terminationProtection">
> & {
  readonly stage: string;
  /** Whether AWS refuses to delete the stacks and the load balancer. */
  readonly terminationProtection: boolean;
  /** Hours in which the stage runs. @default - it always runs */
  readonly hours?: HoursSettings | undefined;
  readonly server: ServerSettings;
  /** At least one, in the order of the file. Nothing depends on the order. */
  readonly agents: readonly AgentSettings[];
  /** Risky settings, as sentences for the user. */
  readonly warnings: readonly string[];
};
