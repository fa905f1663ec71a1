import type { Command } from "../command.ts";
import { preflight as check } from "../preflight/preflight.ts";

/** `pnpm ops preflight`. */
export const preflight: Command = {
  summary: "whether the account has what the stage needs, before anything is created",
  async run({ settings, clients, print }) {
    const { account, region, warnings } = await check(settings, clients);
    for (const warning of warnings) print(`Warning: ${warning}`);
    print(`Stage ${settings.stage} can be deployed to account ${account}, ${region}.`);
    return 0;
  },
};
