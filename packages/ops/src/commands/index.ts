import type { Command } from "../command.ts";
import { cleanup } from "./cleanup.ts";
import { dashboard } from "./dashboard.ts";
import { logs } from "./logs.ts";
import { preflight } from "./preflight.ts";
import { restart } from "./restart.ts";
import { status } from "./status.ts";
import { tokens } from "./tokens.ts";
import { upgrade } from "./upgrade.ts";

/** The commands of `pnpm ops` by their names. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  status,
  preflight,
  tokens,
  upgrade,
  restart,
  logs,
  cleanup,
  dashboard,
};
