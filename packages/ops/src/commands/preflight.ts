import { readLookups } from "@dbward-aws/settings";
import { command } from "../command.ts";
import { preflight as check } from "../preflight/preflight.ts";

/** `pnpm ops preflight`. */
export const preflight = command({
  command: "preflight",
  summary: "Check that the account has what the stage needs, before anything is created",
  examples: [["preflight --stage prod", "The checks that every deployment begins with"]],
  async run({ settings, clients, root, print }) {
    const { account, region, warnings } = await check(settings, clients, readLookups(root, settings.stage));
    for (const warning of warnings) print(`Warning: ${warning}`);
    print(`Stage ${settings.stage} can be deployed to account ${account}, ${region}.`);
    return 0;
  },
});
