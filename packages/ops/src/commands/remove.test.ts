import { describe, expect, it } from "vitest";
import { type Answers, AwsFault, type Input } from "../test-support/aws-peer.ts";
import { EMPTY_ACCOUNT } from "../test-support/empty-account.ts";
import { CANARY, ops, withAws } from "../test-support/ops-run.ts";

const IDS = ["State", "Server", "Agents", "Monitoring"];
const STATE_ARN = "arn:aws:cloudformation:eu-central-1:123456789012:stack/prod-dbward-State/1";
const KEPT: readonly (readonly [type: string, id: string])[] = [
  ["AWS::EFS::FileSystem", "fs-11111111"],
  ["AWS::S3::Bucket", "prod-dbward-state-resultsbucket1"],
  ["AWS::KMS::Key", "key-1"],
];
const BALANCER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/prod/1";
const MUTATIONS =
  /^(UpdateTerminationProtection|ModifyLoadBalancerAttributes|DeleteStack|DeleteMountTarget|DeleteFileSystem|DeleteObjects|DeleteBucket|ScheduleKeyDeletion)$/;

/** An account with a deployed stage whose resources go when they are deleted. */
class StageAccount {
  readonly stacks = new Map(IDS.map((id) => [`prod-dbward-${id}`, "CREATE_COMPLETE"]));
  /** What the stack of the state has. */
  resources = KEPT;
  readonly kept = new Set(KEPT.map(([, id]) => id));
  /** File systems that no stack of the stage has created. */
  readonly untagged = new Set<string>();
  /** Copies in the vaults that the State stack keeps. */
  readonly vaults = new Map<string, number>();
  readonly mountTargets = new Set(["fsmt-1"]);
  readonly objects = new Set(["results/1"]);
  /** Stacks with termination protection; with that of the server, its load balancer has deletion protection. */
  readonly guarded = new Set<string>();
  balancerIsGuarded = false;
  /** What was changed, in order. */
  readonly changes: string[] = [];
  /** How many changes are allowed before the connection to the account is lost. */
  allowed = Number.POSITIVE_INFINITY;

  get #keptByStack(): typeof KEPT {
    return [
      ...this.resources,
      ...[...this.vaults.keys()].map((id) => ["AWS::Backup::BackupVault", id] as const),
    ];
  }

  answers(): Answers {
    const all: Answers = {
      ...EMPTY_ACCOUNT,
      DescribeStacks: ({ StackName }) => {
        const status = this.stacks.get(String(StackName));
        if (status === undefined)
          throw new AwsFault("ValidationError", `Stack with id ${StackName} does not exist`);
        return {
          Stacks: [
            {
              StackName,
              StackId: `id/${StackName}`,
              StackStatus: status,
              EnableTerminationProtection: this.guarded.has(String(StackName)),
              CreationTime: "2026-01-01T00:00:00Z",
            },
          ],
        };
      },
      ListStackResources: ({ StackName }) => ({
        StackResourceSummaries: /State|Server/.test(String(StackName))
          ? (String(StackName).endsWith("State")
              ? this.#keptByStack
              : [["AWS::ElasticLoadBalancingV2::LoadBalancer", BALANCER] as const]
            ).map(([ResourceType, PhysicalResourceId]) => ({
              ResourceType,
              PhysicalResourceId,
              LogicalResourceId: PhysicalResourceId.replaceAll("-", ""),
              ResourceStatus: "CREATE_COMPLETE",
              LastUpdatedTimestamp: "2026-01-01T00:00:00Z",
            }))
          : [],
      }),
      GetTemplate: ({ StackName }) => ({
        TemplateBody: JSON.stringify({
          Resources: String(StackName).endsWith("State")
            ? Object.fromEntries(
                this.#keptByStack.map(([, id]) => [id.replaceAll("-", ""), { DeletionPolicy: "Retain" }]),
              )
            : {},
        }),
      }),
      UpdateTerminationProtection: ({ StackName, EnableTerminationProtection }) => {
        expect(EnableTerminationProtection).toBe("false");
        this.guarded.delete(String(StackName));
        return {};
      },
      ModifyLoadBalancerAttributes: () => {
        this.balancerIsGuarded = false;
        return {};
      },
      DeleteStack: ({ StackName }) => {
        const isServers = String(StackName).endsWith("Server");
        if (this.guarded.has(String(StackName)) || (isServers && this.balancerIsGuarded))
          throw new AwsFault("ValidationError", `${StackName} can't be deleted while it is protected`);
        this.stacks.delete(String(StackName));
        return {};
      },
      ListStacks: () => ({
        StackSummaries: this.stacks.has("prod-dbward-State")
          ? []
          : [{ StackName: "prod-dbward-State", StackId: STATE_ARN, StackStatus: "DELETE_COMPLETE" }],
      }),
      DescribeStackEvents: ({ StackName }) => ({
        StackEvents:
          StackName === STATE_ARN
            ? this.#keptByStack.map(([ResourceType, PhysicalResourceId]) => ({
                StackId: STATE_ARN,
                ResourceType,
                PhysicalResourceId,
                ResourceStatus: "DELETE_SKIPPED",
              }))
            : [],
      }),
      DescribeFileSystems: ({ FileSystemId }) => {
        const all = [...this.kept].filter((id) => id.startsWith("fs-"));
        const found = FileSystemId === undefined ? all : all.filter((id) => id === FileSystemId);
        if (FileSystemId !== undefined && found.length === 0) throw new AwsFault("FileSystemNotFound");
        return { FileSystems: found.map((id) => this.#fileSystem(id)) };
      },
      DescribeMountTargets: ({ FileSystemId }) => {
        if (!this.kept.has(String(FileSystemId))) throw new AwsFault("FileSystemNotFound");
        return { MountTargets: [...this.mountTargets].map((MountTargetId) => ({ MountTargetId })) };
      },
      ListBackupVaults: () => ({
        BackupVaultList: [...this.vaults].map(([BackupVaultName, NumberOfRecoveryPoints]) => ({
          BackupVaultName,
          NumberOfRecoveryPoints,
        })),
      }),
      DeleteBackupVault: ({ BackupVaultName }) => {
        if (this.vaults.get(String(BackupVaultName)) !== 0) throw new AwsFault("InvalidRequestException");
        this.vaults.delete(String(BackupVaultName));
        return {};
      },
      ListRecoveryPointsByResource: () => ({ RecoveryPoints: [] }),
      DescribeKey: () => ({ KeyMetadata: { KeyId: "key-1", KeyState: "Enabled" } }),
      HeadBucket: ({ Bucket }) => {
        if (!this.kept.has(String(Bucket))) throw new AwsFault("NotFound");
        return {};
      },
      DeleteMountTarget: ({ MountTargetId }) =>
        this.#gone(this.mountTargets, MountTargetId, "MountTargetNotFound"),
      DeleteFileSystem: ({ FileSystemId }) => {
        if (this.mountTargets.size > 0) throw new AwsFault("FileSystemInUse");
        return this.#gone(this.kept, FileSystemId, "FileSystemNotFound");
      },
      ListObjectVersions: ({ Bucket }) => {
        if (!this.kept.has(String(Bucket))) throw new AwsFault("NoSuchBucket");
        return this.objects.size === 0 ? {} : { Version: { Key: "results/1", VersionId: "null" } };
      },
      DeleteObjects: () => {
        this.objects.clear();
        return {};
      },
      DeleteBucket: ({ Bucket }) => {
        if (this.objects.size > 0) throw new AwsFault("BucketNotEmpty");
        return this.#gone(this.kept, Bucket, "NoSuchBucket");
      },
      ScheduleKeyDeletion: ({ KeyId }) => this.#gone(this.kept, KeyId, "KMSInvalidStateException"),
    };
    return Object.fromEntries(
      Object.entries(all).map(([name, answer]) => [
        name,
        (input: Input) => {
          if (!MUTATIONS.test(name)) return answer(input);
          if (this.changes.length >= this.allowed) throw new AwsFault("AccessDenied", `cut off ${CANARY}`);
          const output = answer(input);
          this.changes.push(
            `${name} ${input.StackName ?? input.FileSystemId ?? input.Bucket ?? input.KeyId ?? ""}`,
          );
          return output;
        },
      ]),
    );
  }

  #fileSystem(FileSystemId: string): object {
    const tags = this.untagged.has(FileSystemId) ? {} : { "sst:app": "dbward", "sst:stage": "prod" };
    return {
      FileSystemId,
      FileSystemArn: `arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/${FileSystemId}`,
      LifeCycleState: "available",
      Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    };
  }

  #gone(all: Set<string>, id: unknown, code: string): object {
    if (!all.delete(String(id))) throw new AwsFault(code);
    return {};
  }
}

function protectedStage(): StageAccount {
  const account = new StageAccount();
  for (const id of IDS) account.guarded.add(`prod-dbward-${id}`);
  account.balancerIsGuarded = true;
  return account;
}

const STACKS_GONE = ["Monitoring", "Agents", "Server", "State"].map((id) => `DeleteStack prod-dbward-${id}`);

describe("ops remove", () => {
  it("deletes the stacks, those that others stand on last, and names what stays with its price", async () => {
    const account = new StageAccount();
    await withAws(account.answers());
    const { code, out } = await ops("remove --yes");
    expect([code, account.changes]).toEqual([0, STACKS_GONE]);
    expect(out).toContain("Stays: File system fs-11111111, 0.3 USD per GiB and month");
    expect(out).toContain("Stays: Bucket prod-dbward-state-resultsbucket1, 0.023 USD per GiB and month");
    expect(out).toContain("Stays: Key key-1, 1.00 USD a month");
    expect([...account.kept]).toHaveLength(3);
  });

  it("deletes the data too with --purge, but only when the stage is named", async () => {
    const account = new StageAccount();
    await withAws(account.answers());
    expect(await ops("remove --purge --yes")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/can't be undone.*Add --confirm prod/),
    });
    expect(await ops("remove --purge --confirm prd")).toMatchObject({ code: 1 });
    expect(account.changes).toEqual([]);
    const { code, out } = await ops("remove --purge --confirm prod --json");
    expect([code, JSON.parse(out)]).toMatchObject([
      0,
      { status: "done", purged: expect.any(Array), stays: [] },
    ]);
    expect([account.stacks.size, account.kept.size]).toEqual([0, 0]);
    expect(account.changes.at(-1)).toBe("ScheduleKeyDeletion key-1");
  });

  it("deletes with --purge the file system to which the stage was restored, and the former one", async () => {
    const account = new StageAccount();
    account.resources = KEPT.filter(([, id]) => id !== "fs-11111111");
    account.kept.add("fs-22222222");
    await withAws(account.answers());
    const state = { fileSystemId: "fs-22222222", replaces: "fs-11111111" };
    const kept = await ops("remove --dry-run", { state });
    for (const id of ["fs-11111111", "fs-22222222"]) expect(kept.out).toContain(`Stays: File system ${id},`);
    const { code, out } = await ops("remove --purge --confirm prod --json", { state });
    expect([code, JSON.parse(out)]).toMatchObject([0, { stays: [] }]);
    expect(account.changes).toContain("DeleteFileSystem fs-22222222");
    expect(account.kept.size).toBe(0);
  });

  it("leaves a file system of the settings that the stage has not created", async () => {
    const account = new StageAccount();
    account.resources = KEPT.filter(([, id]) => id !== "fs-11111111");
    account.kept.delete("fs-11111111");
    account.kept.add("fs-33333333");
    account.untagged.add("fs-33333333");
    await withAws(account.answers());
    const { code } = await ops("remove --purge --confirm prod", { state: { fileSystemId: "fs-33333333" } });
    expect([code, [...account.kept]]).toEqual([0, ["fs-33333333"]]);
  });

  it("takes the protection off a stack and its load balancer just before their deletion, when the stage is named", async () => {
    const account = protectedStage();
    await withAws(account.answers());
    expect(await ops("remove --yes")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--confirm prod/),
    });
    expect(account.changes).toEqual([]);
    const { code, out } = await ops("remove --confirm prod");
    expect(out).toContain("Take the termination protection off stack prod-dbward-Server, and delete it");
    expect([code, account.changes.map((change) => change.split(" ")[0])]).toEqual([
      0,
      [
        ...["UpdateTerminationProtection", "DeleteStack", "UpdateTerminationProtection", "DeleteStack"],
        ...["ModifyLoadBalancerAttributes", "UpdateTerminationProtection", "DeleteStack"],
        ...["UpdateTerminationProtection", "DeleteStack"],
      ],
    ]);
  });

  it("continues without data loss when it was cut off in a protected stage", async () => {
    for (let step = 0; step < 9; step++) {
      const account = protectedStage();
      account.allowed = step;
      await withAws(account.answers());
      expect((await ops("remove --confirm prod")).code).toBe(1);
      account.allowed = Number.POSITIVE_INFINITY;
      expect(await ops("remove --confirm prod"), `after ${step} changes`).toMatchObject({ code: 0 });
      expect([account.stacks.size, account.kept.size], `after ${step} changes`).toEqual([0, 3]);
    }
  }, 300_000);

  it("can be run again after it was cut off at any step", async () => {
    const whole = new StageAccount();
    await withAws(whole.answers());
    await ops("remove --purge --confirm prod");
    expect(whole.changes.length).toBeGreaterThan(7);
    for (let step = 0; step < whole.changes.length; step++) {
      const account = new StageAccount();
      account.allowed = step;
      await withAws(account.answers());
      const cut = await ops("remove --purge --confirm prod");
      expect([cut.code, cut.err]).toEqual([1, expect.stringContaining("cut off dbw_[redacted]")]);
      account.allowed = Number.POSITIVE_INFINITY;
      expect(await ops("remove --purge --confirm prod"), `after ${step} changes`).toMatchObject({
        code: 0,
        err: "",
      });
      expect([account.stacks.size, account.kept.size], `after ${step} changes`).toEqual([0, 0]);
    }
  }, 300_000);

  it("says why a stack can't be deleted, and goes no further", async () => {
    const account = new StageAccount();
    await withAws({
      ...account.answers(),
      DeleteStack: ({ StackName }) => {
        account.changes.push(String(StackName));
        account.stacks.set(String(StackName), "DELETE_FAILED");
        return {};
      },
      DescribeStackEvents: () => ({
        StackEvents: [
          {
            LogicalResourceId: "Group",
            ResourceStatus: "DELETE_FAILED",
            ResourceStatusReason: "has a dependent object",
          },
        ],
      }),
    });
    const { code, err } = await ops("remove --yes");
    expect([code, account.changes]).toEqual([1, ["prod-dbward-Monitoring"]]);
    expect(err).toContain(
      "prod-dbward-Monitoring failed: it is DELETE_FAILED: Group failed: has a dependent object.",
    );
  });

  it("has nothing to do when nothing is left", async () => {
    await withAws(EMPTY_ACCOUNT);
    expect(await ops("remove --purge")).toMatchObject({
      code: 0,
      out: expect.stringContaining("nothing to do"),
    });
  });
});

describe("a backup vault", () => {
  const VAULT = "dbward-prod-0a1b2c3d";

  it("stays with its copies, also with --purge: AWS Backup deletes no vault that has some", {
    timeout: 60_000,
  }, async () => {
    const account = new StageAccount();
    account.vaults.set(VAULT, 35);
    await withAws(account.answers());
    const { code, out, err } = await ops("remove --purge --confirm prod");
    expect([code, out + err]).toEqual([
      0,
      expect.stringContaining(
        `Stays: Backup vault ${VAULT} with 35 copies, until they have expired, 0.05 USD per GiB and month`,
      ),
    ]);
    expect([account.vaults.size, account.kept.size]).toEqual([1, 0]);
  });

  it("goes with --purge when it is empty, and stays for nothing without", { timeout: 60_000 }, async () => {
    const account = new StageAccount();
    account.vaults.set(VAULT, 0);
    await withAws(account.answers());
    expect((await ops("remove --dry-run")).out).toMatch(new RegExp(`Stays: Backup vault ${VAULT}$`, "m"));
    expect(await ops("remove --purge --confirm prod")).toMatchObject({ code: 0 });
    expect(account.vaults.size).toBe(0);
  });
});
