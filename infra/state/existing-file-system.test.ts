import { describe, expect, it } from "vitest";
import { only, statements, templates } from "../test-support/synth.ts";

const ID = "fs-0123456789abcdef0";
const taken = templates({ state: { fileSystemId: ID } });

describe("an existing file system", () => {
  it("is not created, and gets an access point for the server's user and a mount target a zone", () => {
    taken.state.resourceCountIs("AWS::EFS::FileSystem", 0);
    expect(only(taken.state, "AWS::EFS::AccessPoint")).toMatchObject({
      FileSystemId: ID,
      PosixUser: { Uid: "10001", Gid: "10001" },
      RootDirectory: { Path: "/dbward" },
    });
    const targets = Object.values(taken.state.findResources("AWS::EFS::MountTarget"));
    expect(targets.map(({ Properties }) => Properties.FileSystemId)).toEqual([ID, ID]);
    expect(new Set(targets.map(({ Properties }) => JSON.stringify(Properties.SubnetId))).size).toBe(2);
  });

  it("keeps its directory as it is: a wrong path fails the mount and starts no empty server", () => {
    expect(only(taken.state, "AWS::EFS::AccessPoint").RootDirectory).not.toHaveProperty("CreationInfo");
  });

  it("is mounted by the server, with the right to do so through this access point alone", () => {
    const [volume] = only(taken.server, "AWS::ECS::TaskDefinition").Volumes;
    expect(volume.EFSVolumeConfiguration).toMatchObject({
      FilesystemId: ID,
      TransitEncryption: "ENABLED",
      AuthorizationConfig: { IAM: "ENABLED" },
    });
    const [mount] = statements(taken.state, /^ServerTaskRole/).filter(({ Sid }) => Sid === "MountState");
    expect(JSON.stringify(mount.Resource)).toContain(`file-system/${ID}`);
    expect(JSON.stringify(mount.Condition)).toMatch(/access-point\/.*FileSystemAccessPoint/);
  });

  it("with an access point and mount targets of its own gets none, and its group is opened for the tasks", () => {
    const { state, server } = templates({
      state: {
        fileSystemId: ID,
        accessPointId: "fsap-0123456789abcdef0",
        securityGroupId: "sg-0123456789abcdef0",
      },
      capture: { method: "task", allowSessionLogging: false },
    });
    state.resourceCountIs("AWS::EFS::AccessPoint", 0);
    state.resourceCountIs("AWS::EFS::MountTarget", 0);
    const rules = Object.values(server.findResources("AWS::EC2::SecurityGroupIngress")).filter(
      ({ Properties }) => Properties.GroupId === "sg-0123456789abcdef0",
    );
    expect(rules.map(({ Properties }) => Properties.FromPort)).toEqual([2049, 2049]);
    expect(JSON.stringify(statements(state, /^ServerTaskRole/))).toContain(
      "access-point/fsap-0123456789abcdef0",
    );
  });
});

/** Names and values of what the stack of the state exports. */
function exported(settings: Parameters<typeof templates>[0]): Map<string, string> {
  const outputs = Object.values(templates(settings).state.findOutputs("*"));
  return new Map(
    outputs.flatMap(({ Export, Value }) => (Export ? [[Export.Name, JSON.stringify(Value)] as const] : [])),
  );
}

describe("a stage that moves to another file system", () => {
  const moves = {
    "from its own to an existing one": [{}, { state: { fileSystemId: ID } }],
    "from an existing one to another": [
      { state: { fileSystemId: ID } },
      { state: { fileSystemId: "fs-11111111" } },
    ],
    "to another directory": [
      { state: { fileSystemId: ID } },
      { state: { fileSystemId: ID, path: "/aws-backup-restore_2026-01-01T00-00-00Z/dbward" } },
    ],
    "from its own bucket to an existing one": [
      {},
      { storage: { backend: "s3", retentionDays: 30, versioning: false, bucketName: "acme-results" } },
    ],
  } as const;

  it.each(Object.entries(moves))(
    "%s changes no export, as CloudFormation refuses that",
    (_title, [from, to]) => {
      const [before, after] = [exported(from), exported(to)];
      const changed = [...after].filter(([name, value]) => before.has(name) && before.get(name) !== value);
      expect(changed).toEqual([]);
      expect([...before.keys()].filter((name) => !after.has(name))).not.toEqual([]);
    },
  );

  it("keeps the former one, even if it is not named any more", () => {
    templates().state.hasResource("AWS::EFS::FileSystem", { DeletionPolicy: "RetainExceptOnCreate" });
  });

  it("has its mount targets under the same logical ids: to take up its own file system changes none", () => {
    const targets = (settings: Parameters<typeof templates>[0]) =>
      Object.entries(templates(settings).state.findResources("AWS::EFS::MountTarget")).map(
        ([id, { Properties }]) => [id, Properties.SubnetId, Properties.SecurityGroups],
      );
    expect(targets({ state: { fileSystemId: ID } })).toEqual(targets({}));
  });
});
