import { Match, type Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { only, statements, templates } from "../test-support/synth.ts";

const { state, server } = templates();
const MOUNT_AND_WRITE = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"];
const policyOf = (template: Template) => only(template, "AWS::EFS::FileSystem").FileSystemPolicy.Statement;

describe("EFS", () => {
  it("encrypted, elastic throughput, general purpose, retained", () => {
    state.hasResource("AWS::EFS::FileSystem", {
      Properties: { Encrypted: true, ThroughputMode: "elastic", PerformanceMode: "generalPurpose" },
      DeletionPolicy: "RetainExceptOnCreate",
      UpdateReplacePolicy: "Retain",
    });
  });

  it("without EFS's own copies, beside which those of the plan would be second ones", () => {
    state.hasResourceProperties("AWS::EFS::FileSystem", { BackupPolicy: { Status: "DISABLED" } });
  });

  it("access point /dbward, uid and gid 10001, 0750", () => {
    state.hasResourceProperties("AWS::EFS::AccessPoint", {
      PosixUser: { Uid: "10001", Gid: "10001" },
      RootDirectory: {
        Path: "/dbward",
        CreationInfo: { OwnerUid: "10001", OwnerGid: "10001", Permissions: "0750" },
      },
    });
  });

  it("a mount target in every subnet in use", () => {
    const inUse = only(server, "AWS::ECS::Service").NetworkConfiguration.AwsvpcConfiguration.Subnets.map(
      (subnet: { "Fn::ImportValue": string }) => subnet["Fn::ImportValue"],
    );
    const mounted = Object.values(state.findResources("AWS::EFS::MountTarget")).map(
      ({ Properties }) => Properties.SubnetId.Ref,
    );
    expect(mounted).toHaveLength(inUse.length);
    for (const subnet of mounted)
      expect(inUse).toContainEqual(expect.stringContaining(`ExportsOutputRef${subnet}`));
  });

  it("NFS from the server's security group alone", () => {
    state.resourceCountIs("AWS::EC2::SecurityGroupIngress", 0);
    state.hasResourceProperties("AWS::EC2::SecurityGroup", {
      GroupDescription: "File system of the dbward server",
      SecurityGroupIngress: Match.absent(),
    });
    const nfs = Object.values(server.findResources("AWS::EC2::SecurityGroupIngress")).filter(
      ({ Properties }) => Properties.FromPort === 2049,
    );
    expect(nfs).toHaveLength(1);
    expect(nfs[0]!.Properties.SourceSecurityGroupId["Fn::GetAtt"][0]).toMatch(/^ServerSecurityGroup/);
  });

  it("mount only through the access point and IAM, for the server's task role", () => {
    const deny = { Effect: "Deny", Principal: { AWS: "*" } };
    expect(policyOf(state)).toEqual([
      {
        ...deny,
        Sid: "TlsOnly",
        Action: MOUNT_AND_WRITE,
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
      {
        ...deny,
        Sid: "AccessPointOnly",
        Action: MOUNT_AND_WRITE,
        Condition: { Null: { "elasticfilesystem:AccessPointArn": "true" } },
      },
      { ...deny, Sid: "NobodyIsRoot", Action: "elasticfilesystem:ClientRootAccess" },
    ]);
  });

  it("knows no condition but those that EFS enforces for NFS clients", () => {
    const conditions: Record<string, object>[] = policyOf(state).map(
      ({ Condition = {} }: { Condition?: Record<string, object> }) => Condition,
    );
    const keys = conditions.flatMap((condition) => Object.values(condition).flatMap(Object.keys));
    const enforced = ["aws:SecureTransport", "elasticfilesystem:AccessPointArn"];
    expect(keys.filter((key) => !enforced.includes(key))).toEqual([]);
  });

  it("EFS ClientMount and ClientWrite by that access point", () => {
    expect(statements(state, /^ServerTaskRole/)).toContainEqual({
      Sid: "MountState",
      Effect: "Allow",
      Action: ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
      Resource: { "Fn::Join": ["", expect.arrayContaining([{ Ref: expect.stringMatching(/^FileSystem/) }])] },
      Condition: {
        StringEquals: {
          "elasticfilesystem:AccessPointArn": {
            "Fn::Join": ["", expect.arrayContaining([{ Ref: expect.stringMatching(/AccessPoint/) }])],
          },
        },
      },
    });
  });

  it("lets the capture task mount and read, but not write, with capture method task", () => {
    const task = templates({ capture: { method: "task", allowSessionLogging: false } });
    const mount = statements(task.state, /^CaptureTaskRole/).find(({ Sid }) => Sid === "MountState");
    expect(mount.Action).toBe("elasticfilesystem:ClientMount");
  });
});
