import {
  GetTemplateCommand,
  paginateDescribeStackEvents,
  paginateListStackResources,
  paginateListStacks,
} from "@aws-sdk/client-cloudformation";
import { STACK_IDS } from "@dbward-aws/contract";
import { during } from "../aws-error.ts";
import type { Command, CommandContext } from "../command.ts";
import { everyItem } from "../pages.ts";
import { describeSecret, tokenSecrets } from "../secret-state.ts";
import { findStack } from "../status/stacks.ts";

/** `pnpm ops cleanup`. */
export const cleanup: Command = {
  summary: "what `sst remove` keeps, and the commands that delete it; deletes nothing itself",
  async run(context) {
    const { settings, print } = context;
    const kept = await findKept(context);
    const isUp = kept.some(({ deployed }) => deployed);
    const commands = [
      ...kept.flatMap(({ type, id }) => deletion(type, id, context.region)),
      ...(isUp ? [] : await leftSecrets(context)),
    ];
    if (isUp)
      print(
        `Stage ${settings.stage} is deployed. When it is removed (pnpm sst remove --stage ${settings.stage}), this is kept:`,
      );
    else if (commands.length > 0) print(`Stage ${settings.stage} is removed. Kept, unless deleted since:`);
    else print(`Nothing of stage ${settings.stage} is left that CloudFormation still knows of.`);
    for (const { type, id } of kept) print(`- ${type} ${id}`);
    if (commands.length > 0) {
      print("\nTo delete it, once and for all, data included:");
      for (const command of commands) print(`  ${command}`);
    }
    return 0;
  },
};

/** A resource whose deletion policy is to retain it. */
interface Kept {
  readonly type: string;
  readonly id: string;
  /** Whether its stack is there. */
  readonly deployed: boolean;
}

async function findKept(context: CommandContext): Promise<Kept[]> {
  const [willBe, was] = await Promise.all([keptByLiveStacks(context), keptByDeletedStacks(context)]);
  return [...new Map([...was, ...willBe].map((resource) => [resource.id, resource])).values()];
}

/** What the templates say is to be retained. */
async function keptByLiveStacks({ clients, names }: CommandContext): Promise<Kept[]> {
  const kept = await Promise.all(
    STACK_IDS.map(async (id) => {
      const name = names.stack(id);
      if (!(await findStack(clients, name))) return [];
      const { TemplateBody = "{}" } = await during(
        `Reading the template of ${name}`,
        clients.cloudFormation.send(new GetTemplateCommand({ StackName: name })),
      );
      const { Resources = {} } = JSON.parse(TemplateBody) as {
        Resources?: Record<string, { DeletionPolicy?: string }>;
      };
      const pages = paginateListStackResources({ client: clients.cloudFormation }, { StackName: name });
      const resources = await during(
        `Listing the resources of ${name}`,
        everyItem(pages, (page) => page.StackResourceSummaries),
      );
      return resources.filter(({ LogicalResourceId }) =>
        Resources[LogicalResourceId!]?.DeletionPolicy?.startsWith("Retain"),
      );
    }),
  );
  return asKept(kept.flat(), true);
}

/** CloudFormation keeps the events of a deleted stack for 90 days: they name what it passed over. */
async function keptByDeletedStacks({ clients, names }: CommandContext): Promise<Kept[]> {
  const wanted = new Set(STACK_IDS.map((id) => names.stack(id)));
  const client = clients.cloudFormation;
  const stacks = await during(
    "Listing the deleted stacks",
    everyItem(
      paginateListStacks({ client }, { StackStatusFilter: ["DELETE_COMPLETE"] }),
      (page) => page.StackSummaries,
    ),
  );
  const events = await Promise.all(
    stacks
      .filter(({ StackName }) => wanted.has(StackName!))
      .map(({ StackId, StackName }) =>
        during(
          `Reading the events of the deleted ${StackName}`,
          everyItem(
            paginateDescribeStackEvents({ client }, { StackName: StackId }),
            (page) => page.StackEvents,
          ),
        ),
      ),
  );
  return asKept(
    events.flat().filter(({ ResourceStatus }) => ResourceStatus === "DELETE_SKIPPED"),
    false,
  );
}

function asKept(
  resources: readonly { ResourceType?: string; PhysicalResourceId?: string }[],
  deployed: boolean,
): Kept[] {
  return resources
    .filter(({ ResourceType, PhysicalResourceId }) => PhysicalResourceId && !isPartOf(ResourceType!))
    .map(({ ResourceType, PhysicalResourceId }) => ({
      type: ResourceType!,
      id: PhysicalResourceId!,
      deployed,
    }));
}

/** Goes with what it belongs to. */
function isPartOf(type: string): boolean {
  return ["AWS::S3::BucketPolicy", "AWS::EFS::AccessPoint", "AWS::EFS::MountTarget"].includes(type);
}

async function leftSecrets({ clients, settings, names, region }: CommandContext): Promise<string[]> {
  const commands = await Promise.all(
    tokenSecrets(settings, names).map(async ({ secret }) => {
      const { state } = await describeSecret(clients, secret);
      return state === "missing" ? [] : deletion("AWS::SecretsManager::Secret", secret, region);
    }),
  );
  return commands.flat();
}

function deletion(type: string, id: string, region: string): string[] {
  const inRegion = ` --region ${region}`;
  switch (type) {
    case "AWS::S3::Bucket":
      return [`aws s3 rb s3://${id} --force${inRegion}`];
    case "AWS::EFS::FileSystem":
      return [
        `aws efs describe-mount-targets --file-system-id ${id} --query 'MountTargets[].MountTargetId' --output text${inRegion} | xargs -n1 aws efs delete-mount-target${inRegion} --mount-target-id`,
        `aws efs delete-file-system --file-system-id ${id}${inRegion}`,
      ];
    case "AWS::SecretsManager::Secret":
      return [
        `aws secretsmanager delete-secret --secret-id ${id} --force-delete-without-recovery${inRegion}`,
      ];
    case "AWS::Logs::LogGroup":
      return [`aws logs delete-log-group --log-group-name ${id}${inRegion}`];
    case "AWS::Backup::BackupVault":
      return [
        `aws backup delete-backup-vault --backup-vault-name ${id}${inRegion}  # after its recovery points`,
      ];
    default:
      return [`# ${type} ${id}: delete it in the console`];
  }
}
