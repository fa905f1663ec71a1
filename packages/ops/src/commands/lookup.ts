import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { existingNetwork, LOOKUP_FILE, nextLookups } from "@dbward-aws/settings";
import { lookUpFacts } from "@dbward-aws/stage";
import { command } from "../command.ts";

/** `pnpm ops lookup`. */
export const lookup = command({
  command: "lookup",
  summary: `Look up what the settings name by an ID, and write it to ${LOOKUP_FILE}`,
  examples: [["lookup --stage prod", "Commit the file: synthesis then needs no credentials"]],
  async run({ settings, clients, root, print }) {
    if (settings.network.kind !== "existing") {
      print(`Stage ${settings.stage} names nothing that has to be looked up.`);
      return 0;
    }
    const facts = await lookUpFacts(settings, clients);
    const { vpcId, cidrs, subnets, egress } = existingNetwork(settings, facts);
    await writeFile(join(root, LOOKUP_FILE), nextLookups(root, settings.stage, facts));
    print(`${vpcId}: ${cidrs.join(", ")}, egress "${egress}"`);
    for (const { id, availabilityZone } of subnets) print(`${id}: ${availabilityZone}`);
    print(`Written to ${LOOKUP_FILE} from ${facts.source}. Commit it.`);
    return 0;
  },
});
