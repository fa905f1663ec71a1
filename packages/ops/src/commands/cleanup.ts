import type { StageSettings } from "@dbward-aws/settings";
import { liveStacks } from "@dbward-aws/stage";
import { type CommandContext, command } from "../command.ts";
import { findLeftovers } from "../leftovers/find-leftovers.ts";
import { deletion, isResultBucket, type Leftover, nameOf } from "../leftovers/leftover.ts";
import { isDeployed, keptByTemplates } from "../leftovers/stage-stacks.ts";

/** `pnpm ops cleanup`. */
export const cleanup = command({
  command: "cleanup",
  summary: "List what a removal or a failed deployment leaves, with the commands that delete it",
  examples: [["cleanup --stage prod", "Deletes nothing itself"]],
  async run(context) {
    const { settings, clients, region, print } = context;
    const { stage } = settings;
    const stacks = await liveStacks(stage, clients);
    const deployed = stacks.filter(isDeployed);
    const [kept, { leftovers, usedAgain, unread }] = await Promise.all([
      keptByTemplates(deployed, clients),
      findLeftovers(settings, stacks, clients, region),
    ]);
    if (deployed.length > 0) {
      const list = [
        ...kept.map(({ type, id }) => ({ type, id, commands: deletion(type, id, region) })),
        ...usedAgain,
      ];
      print(
        `Stage ${stage} is deployed. When it is removed (pnpm ops remove --stage ${stage}), this is kept:`,
      );
      show(list, "To delete it after the removal, data included:", context);
      if (leftovers.length > 0) {
        print("\nAlso in the account, and in none of the stage's stacks:");
        show(leftovers, "To delete that, data included:", context);
      }
    } else if (leftovers.length > 0) {
      print(`Stage ${stage} is not deployed. In the account, and in no stack:`);
      show(leftovers, "To delete it, data included:", context);
      for (const line of settingsFor(leftovers, settings)) print(line);
    } else print(`Nothing of stage ${stage} is left.`);
    for (const line of unread) print(`Not looked for: ${line}`);
    return 0;
  },
});

function show(
  list: readonly Pick<Leftover, "type" | "id" | "commands">[],
  title: string,
  { print }: CommandContext,
): void {
  for (const resource of list) print(`- ${nameOf(resource)}`);
  if (list.length === 0) return;
  print(`\n${title}`);
  for (const { commands } of list) for (const command of commands) print(`  ${command}`);
}

/** How to deploy the stage again on what is kept. What its settings name already is left out. */
function settingsFor(leftovers: readonly Leftover[], { state, storage }: StageSettings): readonly string[] {
  const fileSystems = leftovers
    .filter(({ type }) => type === "AWS::EFS::FileSystem")
    .sort((a, b) => Number(b.created) - Number(a.created));
  const isNamed = fileSystems.some(({ id }) => id === state?.fileSystemId);
  // Of a file system that the settings name and that isn't there, preflight says what to do.
  if (fileSystems.length === 0 || (state !== undefined && !isNamed)) return [];
  const needsBucket = storage.backend === "s3" && storage.bucketName === undefined;
  const bucket = needsBucket ? leftovers.find(isResultBucket) : undefined;
  const lines = bucket ? [`  storage: { bucketName: "${bucket.id}" },`] : [];
  if (state !== undefined) {
    const named = `which name file system ${state.fileSystemId}`;
    return bucket
      ? [`\nTo deploy the stage again on its data, add to its settings, ${named}:`, ...lines]
      : [`\nTo deploy the stage again on its data, leave its settings, ${named}, as they are.`];
  }
  const candidates = fileSystems.map(
    ({ id, created }) =>
      `  state: { fileSystemId: "${id}" },` +
      (fileSystems.length > 1 ? ` // created ${created?.toISOString() ?? "at an unknown time"}` : ""),
  );
  return [
    "\nTo deploy the stage again on its data, add to its settings:",
    ...(candidates.length > 1
      ? ["  // One of these: after a restore, the one that the stage ran on last."]
      : []),
    ...candidates,
    ...lines,
  ];
}
