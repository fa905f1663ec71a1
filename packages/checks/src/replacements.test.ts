import { STACK_OUTPUTS } from "@dbward-aws/contract";
import { namesOf, networkRecord, type StageSettings } from "@dbward-aws/settings";
import type { AwsClients, LiveStack } from "@dbward-aws/stage";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { stageSettings } from "../../../infra/test-support/settings.ts";
import { stage } from "../../../infra/test-support/synth.ts";
import { VARIANTS } from "../../../infra/test-support/variants.ts";
import { checkClusterMove } from "../../ops/src/preflight/check-cluster.ts";
import { checkNetworkChange } from "../../ops/src/preflight/check-network-change.ts";
import { checkResultPlace } from "../../ops/src/preflight/check-result-place.ts";
import { checkState } from "../../ops/src/preflight/check-state.ts";
import { PreflightFindings } from "../../ops/src/preflight/findings.ts";
import { lostResources, type Resources, replacingProperties } from "./test-support/stateful-resources.ts";

const MINUTE = 60_000;

interface Variant {
  readonly name: string;
  readonly settings: StageSettings;
  /** Of its stacks, in the order of their life. */
  readonly stacks: readonly Resources[];
}

let variants: readonly Variant[] | undefined;

function allVariants(): readonly Variant[] {
  variants ??= Object.entries(VARIANTS).map(([name, changes]) => ({
    name,
    settings: stageSettings(changes),
    stacks: stage(changes).stacks.map(
      (each) => (Template.fromStack(each).toJSON() as { Resources: Resources }).Resources,
    ),
  }));
  return variants;
}

/** Type of a customer managed key, as KMS tells it from a key of AWS. */
const CUSTOMER_KEY = "arn:aws:kms:eu-central-1:111111111111:key/";
const AWS_KEY = "arn:aws:kms:eu-central-1:111111111111:key/of-aws";

/** A deployed Server stack of these resources. */
function serverStack({ stacks }: Variant): LiveStack {
  return {
    ...LIVE,
    id: "Server",
    name: "test-dbward-Server",
    resources: summaries(stacks[1]!),
    outputs: new Map(),
  };
}

const LIVE = {
  status: "CREATE_COMPLETE",
  arn: "arn:aws:cloudformation:eu-central-1:111111111111:stack/test/1",
  isProtected: true,
};

/** The physical id of each is its logical id. */
function summaries(resources: Resources): LiveStack["resources"] {
  return Object.entries(resources).map(([id, { Type }]) => ({
    LogicalResourceId: id,
    PhysicalResourceId: id,
    ResourceType: Type,
    ResourceStatus: "CREATE_COMPLETE",
    LastUpdatedTimestamp: new Date(0),
  }));
}

/** A deployed State stack of these resources: the physical id of each is its logical id. */
function deployed({ settings, stacks }: Variant): { stack: LiveStack; clients: AwsClients } {
  const resources = stacks[0]!;
  const ofType = (type: string) => Object.keys(resources).find((id) => resources[id]!.Type === type);
  const fileSystem = settings.state?.fileSystemId ?? ofType("AWS::EFS::FileSystem")!;
  const bucket = settings.storage.bucketName ?? Object.keys(resources).find((id) => /^Results/.test(id));
  const key = resources[fileSystem]?.Properties?.KmsKeyId as
    | string
    | { readonly "Fn::GetAtt": readonly string[] }
    | undefined;
  const keyArn =
    key === undefined ? AWS_KEY : typeof key === "string" ? key : `${CUSTOMER_KEY}${key["Fn::GetAtt"][0]}`;
  const stack: LiveStack = {
    ...LIVE,
    id: "State",
    name: "test-dbward-State",
    resources: summaries(resources),
    outputs: new Map([
      ["FileSystemId", fileSystem],
      ...(settings.storage.backend === "s3" && bucket ? [[STACK_OUTPUTS.resultBucket, bucket] as const] : []),
    ]),
  };
  const denied = () => Promise.reject(Object.assign(new Error("denied"), { name: "AccessDeniedException" }));
  const answering = (answers: Readonly<Record<string, (input: never) => object>>) => ({
    send: (command: { readonly constructor: { readonly name: string }; readonly input: never }) => {
      const answer = answers[command.constructor.name];
      return answer ? Promise.resolve(answer(command.input)) : denied();
    },
  });
  const clients = new Proxy(
    {
      efs: answering({
        DescribeFileSystemsCommand: ({ FileSystemId }: { FileSystemId: string }) => ({
          FileSystems: [{ FileSystemId, KmsKeyId: keyArn, LifeCycleState: "available", Encrypted: true }],
        }),
      }),
      kms: answering({
        DescribeKeyCommand: ({ KeyId }: { KeyId: string }) => ({
          KeyMetadata: { KeyManager: KeyId === AWS_KEY ? "AWS" : "CUSTOMER" },
        }),
      }),
    },
    { get: (target, name) => target[name as keyof typeof target] ?? { send: denied, config: {} } },
  );
  return { stack, clients: clients as unknown as AwsClients };
}

/** What preflight says of a deployment of `after` on a deployed `before`. */
async function announcements(before: Variant, after: Variant): Promise<string[]> {
  const { stack, clients } = deployed(before);
  const findings = new PreflightFindings();
  const { settings } = after;
  const record = [{ OutputKey: "DeployedNetwork", OutputValue: networkRecord(before.settings) }];
  const network = { facts: { source: "test" }, existing: true } as unknown as Parameters<
    typeof checkNetworkChange
  >[1];
  checkNetworkChange(
    settings,
    network,
    { StackName: stack.name, Outputs: record } as Parameters<typeof checkNetworkChange>[2],
    findings,
  );
  checkClusterMove(settings, namesOf(before.settings), [serverStack(before)], findings);
  await checkState({
    settings,
    names: namesOf(before.settings),
    facts: { source: "test" },
    stacks: [stack],
    clients,
    region: "eu-central-1",
    findings,
    beforeCutOver: false,
  });
  checkResultPlace(settings, [stack], findings);
  return [...findings.mistakes, ...findings.warnings];
}

const MOVES = /^File system .*new, empty one|^The stage runs on |^The stage moves from file system/;
const STAYS = /^network\.vpcId can't|^The stage runs in cluster/;
/** Which announcement tells of the loss of a resource of a type. */
const REPORTED_BY: Readonly<Record<string, RegExp>> = {
  "AWS::EFS::FileSystem": MOVES,
  "AWS::EFS::AccessPoint": new RegExp(`${MOVES.source}|^The stage mounts fs-`),
  "AWS::KMS::Key": MOVES,
  "AWS::S3::Bucket": /^storage: results go to/,
  "AWS::ServiceDiscovery::PrivateDnsNamespace": STAYS,
  "AWS::ServiceDiscovery::Service": STAYS,
  "AWS::ECS::Cluster": STAYS,
  "AWS::ECS::Service": STAYS,
};

/** What goes because the settings no longer name its owner. */
function isOrdered(lost: string, before: Variant, after: Variant): boolean {
  const gone = before.settings.agents.filter(
    ({ name }) => !after.settings.agents.some((each) => each.name === name),
  );
  const isAgents = gone.some(({ name }) => new RegExp(`::(Secret|Service) \\w*Agent${name}`, "i").test(lost));
  const isBalancers = / AccessLogs/.test(lost) && after.settings.server.loadBalancer === undefined;
  // It encrypts messages on their way alone.
  const isTopics = / ReceiversKey/.test(lost) && after.settings.monitoring.topicArn !== undefined;
  return isAgents || isBalancers || isTopics;
}

describe("a change from one kind of stage to another", () => {
  it("is compared by what the specification of CloudFormation says", () => {
    expect(replacingProperties("AWS::EFS::FileSystem")).toContain("KmsKeyId");
    expect(replacingProperties("AWS::EFS::FileSystem")).not.toContain("BackupPolicy");
    expect(replacingProperties("AWS::SecretsManager::Secret")).toEqual(new Set(["Name"]));
    const secret = (Name: string) => ({ S: { Type: "AWS::SecretsManager::Secret", Properties: { Name } } });
    expect(lostResources(secret("a"), secret("a"))).toEqual([]);
    expect(lostResources(secret("a"), secret("b"))).toEqual(["AWS::SecretsManager::Secret S: Name changes"]);
    expect(lostResources(secret("a"), {})).toEqual(["AWS::SecretsManager::Secret S: deleted"]);
    const access = (KmsKeyId: string) => ({
      F: { Type: "AWS::EFS::FileSystem", Properties: { KmsKeyId } },
      P: { Type: "AWS::EFS::AccessPoint", Properties: { FileSystemId: { Ref: "F" } } },
    });
    expect(lostResources(access("a"), access("b"))).toContain(
      "AWS::EFS::AccessPoint P: FileSystemId changes with F",
    );
  });

  it(
    "replaces nothing that holds state, or a name of the server, without a finding of preflight",
    async () => {
      const all = allVariants();
      const unannounced: string[] = [];
      const announced = new Set<string>();
      for (const before of all)
        for (const after of all) {
          const lost = before.stacks
            .flatMap((resources, at) => lostResources(resources, after.stacks[at]!))
            .filter((each) => !isOrdered(each, before, after));
          if (lost.length === 0) continue;
          const said = await announcements(before, after);
          for (const each of lost) {
            const type = each.split(" ")[0]!;
            if (said.some((text) => REPORTED_BY[type]?.test(text))) announced.add(type);
            else
              unannounced.push(
                `${before.name} -> ${after.name}: ${each}; said: ${said.join(" / ") || "nothing"}`,
              );
          }
        }
      expect(unannounced).toEqual([]);
      expect([...announced].sort()).toEqual(
        expect.arrayContaining(["AWS::EFS::FileSystem", "AWS::S3::Bucket"]),
      );
    },
    10 * MINUTE,
  );

  it("leaves the names by which agents and poller find the server as they are", () => {
    const names = allVariants().map(({ stacks }) =>
      Object.values(stacks[1]!).flatMap(({ Type, Properties = {} }) =>
        Type === "AWS::ECS::Service"
          ? [JSON.stringify((Properties.ServiceConnectConfiguration as { Services: unknown }).Services)]
          : Type.startsWith("AWS::ServiceDiscovery::")
            ? [String(Properties.Name)]
            : [],
      ),
    );
    expect(new Set(names.map((each) => each.sort().join(" "))).size).toBe(1);
  });
});
