import { DeleteStackCommand, type Stack } from "@aws-sdk/client-cloudformation";
import { act, actionOptions, type Progress } from "@dbward-aws/cli";
import { STACK_IDS } from "@dbward-aws/contract";
import { DbwardError, Deadline } from "@dbward-aws/core";
import { AwsCallError, backupVaults, during, findStack, firstFailure, liveStacks } from "@dbward-aws/stage";
import { type CommandContext, command } from "../command.ts";
import { storagePrice } from "../cost/storage-price.ts";
import { findLeftovers } from "../leftovers/find-leftovers.ts";
import { nameOf } from "../leftovers/leftover.ts";
import { isDeployed, keptByTemplates } from "../leftovers/stage-stacks.ts";
import { isPurged, purge, purgeOrder, type Remains } from "../purge.ts";
import { liftProtection } from "../termination-protection.ts";

/** The network interfaces of a function can take 40 minutes. */
const STACK_MINUTES = 60;
const ASK_EVERY_MS = 2_000;

/** A stack could not be deleted. */
export class RemovalError extends DbwardError {
  override readonly name = "RemovalError";

  constructor({ settings, links }: CommandContext, stack: string, message: string) {
    super("removal-failed", message, {
      hint:
        `${links ? `See ${links.stack(stack)}. ` : ""}Remove the cause, and run this again: it continues from there. ` +
        `What keeps a stack from being deleted: pnpm ops cleanup --stage ${settings.stage}`,
    });
  }
}

/** `pnpm ops remove`. */
export const remove = command({
  command: "remove",
  summary: "Remove a stage; what holds data stays, unless --purge deletes it too",
  examples: [
    ["remove --stage test", "Names what stays, and its price"],
    ["remove --stage prod --confirm prod", "A stage with termination protection, without questions"],
    ["remove --purge --stage test", "Asks for the stage's name, and deletes the data too"],
  ],
  options: (yargs) =>
    actionOptions(yargs)
      .option("purge", { type: "boolean", default: false, describe: "Delete what holds data, too" })
      .option("confirm", {
        type: "string",
        requiresArg: true,
        describe: "The stage's name, for --purge and protected stages",
      }),
  async run(context, { purge: purges, confirm, ...options }) {
    const { settings, clients, region, io, signal } = context;
    const { stage } = settings;
    const stacks = await liveStacks(stage, clients);
    const [kept, { leftovers, usedAgain, unread }] = await Promise.all([
      keptByTemplates(stacks.filter(isDeployed), clients),
      findLeftovers(settings, stacks, clients, region),
    ]);
    for (const line of unread) io.complain(`Not looked for: ${line}`);
    const names = STACK_IDS.map((id) => context.names.stack(id))
      .reverse()
      .filter((name) => stacks.some((stack) => stack.name === name));
    const remains = unique([...kept, ...usedAgain, ...leftovers]);
    const copies = await copiesInVaults(remains, context);
    // AWS Backup deletes no vault with copies in it, and no copy that a lock holds.
    const purged = purges ? purgeOrder(remains.filter(({ id }) => !copies.has(id))) : [];
    const guarded = stacks.filter(({ isProtected }) => isProtected);
    const staying = remains.filter((each) => !purged.includes(each));
    const plan = {
      title: `Remove stage ${stage} from ${region}`,
      steps: [
        ...names.map((name) =>
          guarded.some((stack) => stack.name === name)
            ? `Take the termination protection off stack ${name}, and delete it`
            : `Delete stack ${name}`,
        ),
        ...purged.map((each) => `Delete ${nameOf(each)}${isPurged(each) ? " with its data" : ""}`),
      ],
      notes: staying.map((each) => `Stays: ${describe(each, copies.get(each.id))}`),
      ...(purged.length > 0 || guarded.length > 0 ? { confirmation: stage, confirmed: confirm } : {}),
    };
    // Once the last protection is off, a run that was cut off continues with the same command.
    const yes = options.yes || confirm === stage;
    return act(io, { ...options, yes }, plan, async (progress) => {
      for (const name of names) {
        const protectedStack = guarded.find((stack) => stack.name === name);
        if (protectedStack !== undefined) await liftProtection(protectedStack, clients);
        await deleteStack(context, name, progress);
      }
      for (const each of purged) {
        progress.step(`Deleting ${nameOf(each)}`);
        await purge(each, clients, signal);
        progress.done(`${nameOf(each)} is deleted`);
      }
      return {
        deletedStacks: names,
        purged: purged.map(nameOf),
        stays: staying.map(({ type, id }) => ({ type, id, price: storagePrice(type) })),
      };
    });
  },
});

function unique(remains: readonly Remains[]): Remains[] {
  return [...new Map(remains.map(({ type, id }) => [`${type} ${id}`, { type, id }])).values()];
}

/** How many copies there are in each vault that has some. */
async function copiesInVaults(
  remains: readonly Remains[],
  { clients, io }: CommandContext,
): Promise<ReadonlyMap<string, number>> {
  if (!remains.some(({ type }) => type === "AWS::Backup::BackupVault")) return new Map();
  try {
    const vaults = await backupVaults(clients);
    return new Map(
      vaults.flatMap(({ BackupVaultName = "", NumberOfRecoveryPoints: copies = 0 }) =>
        copies > 0 ? [[BackupVaultName, copies] as const] : [],
      ),
    );
  } catch (error) {
    if (!(error instanceof AwsCallError)) throw error;
    io.complain(`Not looked for: ${error.message}`);
    return new Map();
  }
}

/** @param copies how many are in a vault */
function describe(remains: Remains, copies = 0): string {
  const inside =
    copies === 0 ? "" : ` with ${copies} ${copies === 1 ? "copy" : "copies"}, until they have expired`;
  const isFree = remains.type === "AWS::Backup::BackupVault" && copies === 0;
  const price = isFree ? undefined : storagePrice(remains.type);
  return `${nameOf(remains)}${inside}${price === undefined ? "" : `, ${price}`}`;
}

/** Deletes a stack, and waits until it is gone. A stack in the middle of an operation is waited for first. */
async function deleteStack(context: CommandContext, name: string, progress: Progress): Promise<void> {
  const { clients, signal } = context;
  const waiting = Deadline.after(STACK_MINUTES * 60_000, signal);
  const settled = async (isWanted: (stack: Stack) => boolean) => {
    let last: Stack | undefined;
    await waiting.until(async () => {
      last = await findStack(clients, name);
      return last === undefined || isWanted(last) || undefined;
    }, ASK_EVERY_MS);
    return last;
  };
  progress.step(`Deleting stack ${name}`);
  const stack = await settled(
    ({ StackStatus = "" }) => StackStatus === "DELETE_IN_PROGRESS" || !StackStatus.endsWith("_IN_PROGRESS"),
  );
  if (stack !== undefined && !signal.aborted) {
    await during(
      `Deleting stack ${name}`,
      clients.cloudFormation.send(new DeleteStackCommand({ StackName: name })),
    );
    const ended = await settled(({ StackStatus = "" }) => /^DELETE_(FAILED|COMPLETE)$/.test(StackStatus));
    if (signal.aborted)
      throw new RemovalError(
        context,
        name,
        `Stopped waiting for ${name}; CloudFormation continues to delete it.`,
      );
    if (ended !== undefined && ended.StackStatus !== "DELETE_COMPLETE")
      throw new RemovalError(
        context,
        ended.StackId ?? name,
        `Deleting stack ${name} failed: it is ${ended.StackStatus}${await firstFailure(clients, ended)}.`,
      );
  }
  progress.done(`Stack ${name} is deleted`);
}
