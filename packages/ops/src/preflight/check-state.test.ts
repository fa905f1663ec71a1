import type { StageInput } from "@dbward-aws/settings";
import { describe, expect, it } from "vitest";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { EMPTY_ACCOUNT } from "../test-support/empty-account.ts";
import { describedNetwork, NETWORK } from "../test-support/network-answers.ts";
import { check, mistakes } from "../test-support/preflight-run.ts";

const ID = "fs-01234567";
const STATE = "prod-dbward-State";
const TAGS = [
  { Key: "sst:app", Value: "dbward" },
  { Key: "sst:stage", Value: "prod" },
];
const POLICY = { Policy: '{"Statement":[]}' };

interface Fake {
  readonly fileSystem?: object;
  readonly targets?: readonly object[];
  readonly accessPoint?: object;
  readonly connections?: number;
}

/** Answers about one file system that a server can mount, but for what `fake` says. */
function efs({ fileSystem = {}, targets = [], accessPoint = {}, connections }: Fake = {}): Answers {
  return {
    DescribeFileSystems: ({ FileSystemId = ID }) => {
      if (FileSystemId !== ID) throw new AwsFault("FileSystemNotFound");
      return {
        FileSystems: [
          {
            FileSystemId: ID,
            LifeCycleState: "available",
            Encrypted: true,
            CreationTime: 1_700_000_000,
            ...fileSystem,
          },
        ],
      };
    },
    DescribeMountTargets: () => ({ MountTargets: targets }),
    DescribeMountTargetSecurityGroups: () => ({ SecurityGroups: ["sg-01234567"] }),
    DescribeAccessPoints: () => ({
      AccessPoints: [
        {
          FileSystemId: ID,
          PosixUser: { Uid: 10001, Gid: 10001 },
          RootDirectory: { Path: "/dbward" },
          ...accessPoint,
        },
      ],
    }),
    DescribeFileSystemPolicy: () => POLICY,
    DescribeBackupPolicy: () => ({ BackupPolicy: { Status: "DISABLED" } }),
    GetMetricStatistics: () => ({
      Datapoints: connections === undefined ? [] : [{ Timestamp: Date.now() / 1000, Sum: connections }],
    }),
  };
}

/** The stack of the state is deployed on this file system, with these resources. */
function deployedOn(id: string, resources: readonly object[] = []): Answers {
  return {
    DescribeStacks: (input) =>
      input.StackName === STATE
        ? {
            Stacks: [
              {
                StackName: STATE,
                StackStatus: "CREATE_COMPLETE",
                Outputs: [{ OutputKey: "FileSystemId", OutputValue: id }],
              },
            ],
          }
        : EMPTY_ACCOUNT.DescribeStacks!(input),
    ListStackResources: () => ({ StackResourceSummaries: resources }),
  };
}

const own = (id: string) => ({ ResourceType: "AWS::EFS::FileSystem", PhysicalResourceId: id });
const existing = (more: object = {}): Partial<StageInput> => ({ state: { fileSystemId: ID, ...more } });

describe("a new file system", () => {
  it("is not created beside one that a removal has kept: both ways are named", async () => {
    const [mistake, ...others] = await mistakes({}, efs({ fileSystem: { Tags: TAGS } }));
    expect(others).toEqual([]);
    expect(mistake).toMatch(
      /^File system fs-01234567 \(created on 2023-11-14\) has the state of an earlier deployment/,
    );
    expect(mistake).toContain('state: { fileSystemId: "fs-01234567" }');
    expect(mistake).toContain(
      "aws efs delete-file-system --file-system-id fs-01234567 --region eu-central-1",
    );
  });

  it("is created beside those of other stages", async () => {
    const Tags = [TAGS[0]!, { Key: "sst:stage", Value: "dev" }];
    expect(await mistakes({}, efs({ fileSystem: { Tags } }))).toEqual([]);
  });

  it("is not created for a stage that runs on an existing one", async () => {
    expect(await mistakes({}, { ...efs(), ...deployedOn("fs-76543211") })).toEqual([
      expect.stringMatching(/^The stage runs on the existing file system fs-76543211, .* new, empty one/),
    ]);
  });

  it("is not looked for where that is not allowed, which is a warning", async () => {
    const DescribeFileSystems = () => {
      throw new AwsFault("AccessDeniedException", "not authorized");
    };
    expect((await check({}, { DescribeFileSystems })).warnings).toContainEqual(
      expect.stringMatching(
        /^Whether an earlier deployment has left a file system was not checked: .*DescribeFileSystems/,
      ),
    );
  });
});

describe("the stage's own file system", () => {
  const KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555";
  const under = (KmsKeyId: string, ...resources: object[]): Answers => ({
    ...efs({ fileSystem: { KmsKeyId } }),
    ...deployedOn(ID, [own(ID), ...resources]),
    DescribeKey: () => ({ KeyMetadata: { Arn: KEY, KeyState: "Enabled", KeyManager: "AWS" } }),
  });

  it("keeps its key: CloudFormation would replace it by an empty one", async () => {
    expect(await mistakes({}, under(KEY))).toEqual([]);
    expect(await mistakes({ encryption: { kmsKey: "new" } }, under(KEY))).toEqual([
      expect.stringMatching(
        /^File system fs-01234567 is encrypted with .*replace.*state: { fileSystemId: "fs-01234567" }/,
      ),
    ]);
    const stageKey = { ResourceType: "AWS::KMS::Key", PhysicalResourceId: KEY.split("/")[1] };
    expect(await mistakes({ encryption: { kmsKey: "new" } }, under(KEY, stageKey))).toEqual([]);
    expect(await mistakes({}, under(KEY, stageKey))).toHaveLength(1);
  });

  it("may be used as an existing one, with the mount targets of its stack", async () => {
    const targets = [{ MountTargetId: "fsmt-1", SubnetId: "subnet-1" }];
    const mine = { ResourceType: "AWS::EFS::MountTarget", PhysicalResourceId: "fsmt-1" };
    expect(await mistakes(existing(), { ...efs({ targets }), ...deployedOn(ID, [own(ID), mine]) })).toEqual(
      [],
    );
  });
});

describe("an existing file system", () => {
  it("passes without a warning when it is as the server needs it", async () => {
    expect((await check(existing({ accessPointId: "fsap-01234567" }), efs())).warnings).toEqual([]);
  });

  it.each([
    [
      "is not there",
      { state: { fileSystemId: "fs-76543210" } },
      {},
      /^File system fs-76543210 .* isn't in this account/,
    ],
    ["is going", existing(), { fileSystem: { LifeCycleState: "deleting" } }, /is deleting: wait/],
    [
      "is in one zone only",
      existing(),
      { fileSystem: { AvailabilityZoneName: "eu-central-1a" } },
      /is in one zone only/,
    ],
    [
      "has another access point",
      existing({ accessPointId: "fsap-01234567" }),
      { accessPoint: { FileSystemId: "fs-9" } },
      /fsap-01234567 .* belongs to file system fs-9, not to fs-01234567/,
    ],
    [
      "makes its clients another user",
      existing({ accessPointId: "fsap-01234567" }),
      { accessPoint: { PosixUser: { Uid: 1000, Gid: 1000 } } },
      /makes every client the user 1000, but the server's files belong to 10001/,
    ],
    [
      "has mount targets in another VPC",
      existing(),
      { targets: [{ MountTargetId: "fsmt-1", SubnetId: "subnet-1" }] },
      /already has mount targets, fsmt-1 in subnet-1.*another VPC than the stage\. Delete them: aws efs delete-mount-target --mount-target-id fsmt-1/,
    ],
    [
      "is mounted by somebody: two servers destroy the database",
      existing(),
      { connections: 1 },
      /is in use: 1 clients had it mounted.*stop the other one/,
    ],
  ] as [string, Partial<StageInput>, Fake, RegExp][])(
    "is refused when it %s",
    async (_title, changes, fake, expected) => {
      expect(await mistakes(changes, efs(fake))).toEqual([expect.stringMatching(expected)]);
    },
  );

  it("is refused with mount targets in the stage's VPC, until the setting names their security group", async () => {
    const targets = ["a", "b"].map((zone, index) => ({
      MountTargetId: `fsmt-${index + 1}`,
      SubnetId: `subnet-0000000${index + 1}`,
      VpcId: NETWORK.vpcId,
      AvailabilityZoneName: `eu-central-1${zone}`,
    }));
    const answers = { ...describedNetwork(), ...efs({ targets }) };
    expect(await mistakes({ ...existing(), network: NETWORK }, answers)).toEqual([
      expect.stringMatching(
        /To use them, write state\.securityGroupId: "sg-01234567"\. Otherwise delete them/,
      ),
    ]);
    const named = { ...existing({ securityGroupId: "sg-01234567" }), network: NETWORK };
    expect(await mistakes(named, answers)).toEqual([]);
  });

  it("is warned of without a policy or encryption, and with copies of EFS beside those of the stage, each with the command that helps", async () => {
    const none = () => {
      throw new AwsFault("PolicyNotFound");
    };
    const { warnings } = await check(existing(), {
      ...efs({ fileSystem: { Encrypted: false } }),
      DescribeFileSystemPolicy: none,
      DescribeBackupPolicy: () => ({ BackupPolicy: { Status: "ENABLED" } }),
    });
    expect(warnings).toEqual([
      expect.stringMatching(/is not encrypted at rest/),
      expect.stringMatching(/has automatic backups of EFS.*fs-01234567 --backup-policy Status=DISABLED/),
      expect.stringMatching(/has no policy.*put-file-system-policy.*"AccessPointOnly"/),
    ]);
  });

  it("is warned of where it may not be looked at, and the rest is checked", async () => {
    const denied = () => {
      throw new AwsFault("AccessDeniedException", "not authorized");
    };
    const { warnings } = await check(existing(), {
      ...efs(),
      DescribeMountTargets: denied,
      GetMetricStatistics: denied,
    });
    expect(warnings).toEqual([
      expect.stringMatching(/was not checked: .* elasticfilesystem:DescribeMountTargets/),
      expect.stringMatching(
        /^Who has file system fs-01234567 mounted was not checked: .* cloudwatch:GetMetricStatistics/,
      ),
    ]);
    expect((await check(existing(), { ...efs(), DescribeFileSystems: denied })).warnings).toContainEqual(
      expect.stringMatching(/^File system fs-01234567 .* was not checked: .*DescribeFileSystems/),
    );
  });

  it("is not asked who has it mounted when the stage itself has", async () => {
    expect(await mistakes(existing(), { ...efs({ connections: 1 }), ...deployedOn(ID) })).toEqual([]);
  });
});

describe("a move to another directory of the same file system", () => {
  const OWN_POINT = { ResourceType: "AWS::EFS::AccessPoint", PhysicalResourceId: "fsap-0aaaaaaa" };
  const pointOn = (Path: string): Answers => ({
    DescribeAccessPoints: ({ AccessPointId }) => ({
      AccessPoints: [{ AccessPointId, FileSystemId: ID, PosixUser: { Uid: 10001 }, RootDirectory: { Path } }],
    }),
  });
  const warnings = async (more: object, resources: readonly object[], path = "/dbward") =>
    (
      await check(existing(more), { ...efs(), ...deployedOn(ID, resources), ...pointOn(path) })
    ).warnings.filter((text) => text.startsWith("The stage mounts fs-"));

  it.each([
    [
      "another access point",
      { accessPointId: "fsap-01234567" },
      [OWN_POINT],
      /fsap-0aaaaaaa, .*through fsap-01234567/,
    ],
    ["another path", { path: "/restored" }, [OWN_POINT], /on \/dbward, .*a new access point on \/restored/],
    ["no access point any more", {}, [], /through an access point that the settings named, .*on \/dbward/],
  ])("is reported for %s", async (_title, more, resources, expected) => {
    expect(await warnings(more, resources)).toEqual([expect.stringMatching(expected)]);
  });

  it("is not reported when nothing moves", async () => {
    expect(await warnings({}, [OWN_POINT])).toEqual([]);
    expect(await warnings({ path: "/restored" }, [OWN_POINT], "/restored")).toEqual([]);
    expect(await warnings({ accessPointId: "fsap-01234567" }, [])).toEqual([]);
  });
});

describe("a move to another file system", () => {
  const deployed = { ...efs(), ...deployedOn("fs-76543211", [own("fs-76543211")]) };

  it("has to be written down", async () => {
    expect(await mistakes(existing(), deployed)).toEqual([
      expect.stringMatching(/^The stage runs on file system fs-76543211, .*write replaces: "fs-76543211"/),
    ]);
    expect(await mistakes(existing({ replaces: "fs-99999999" }), deployed)).toHaveLength(1);
  });

  it("is possible then, with the advice to stop the server first", async () => {
    const { warnings } = await check(existing({ replaces: "fs-76543211" }), {
      ...deployed,
      DescribeStacks: (input) =>
        input.StackName === STATE
          ? {
              Stacks: [
                {
                  StackName: STATE,
                  StackStatus: "CREATE_COMPLETE",
                  Outputs: [{ OutputKey: "FileSystemId", OutputValue: "fs-76543211" }],
                },
              ],
            }
          : EMPTY_ACCOUNT.DescribeStacks!(input),
    });
    expect(warnings).toContainEqual(
      expect.stringMatching(
        /^The stage moves from file system fs-76543211 to fs-01234567.*pnpm ops scale server --count 0/,
      ),
    );
  });
});
