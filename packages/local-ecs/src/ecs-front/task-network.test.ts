import {
  AssociateRouteTableCommand,
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  EC2Client,
  type IpPermission,
  RevokeSecurityGroupEgressCommand,
} from "@aws-sdk/client-ec2";
import { RunTaskCommand } from "@aws-sdk/client-ecs";
import { CreateFileSystemCommand, CreateMountTargetCommand, EFSClient } from "@aws-sdk/client-efs";
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  ElasticLoadBalancingV2Client,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { findPython } from "@dbward-aws/local-account";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CLUSTER, FrontStage, shell, until } from "./test-support/front-stage.ts";

const LIVES = shell("echo up; exec sleep 600");
const ALL: IpPermission = { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] };

let stage: FrontStage;
let ec2: EC2Client;
let vpc: string;
let zoneA: string;
let zoneB: string;
beforeAll(async () => {
  if (!(process.env.CI || (await findPython()).source)) return;
  stage = await FrontStage.start();
  ec2 = new EC2Client(stage.clientConfig);
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "10.9.0.0/16" }));
  vpc = Vpc!.VpcId!;
  [zoneA, zoneB] = (await Promise.all([
    subnet("10.9.0.0/24", "us-east-1a"),
    subnet("10.9.1.0/24", "us-east-1b"),
  ])) as [string, string];
  const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId: vpc }));
  const RouteTableId = RouteTable!.RouteTableId!;
  await ec2.send(
    new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: "0.0.0.0/0", NatGatewayId: "nat-1" }),
  );
  for (const SubnetId of [zoneA, zoneB])
    await ec2.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId }));
}, 120_000);
beforeEach(({ skip }) => skip(stage === undefined, "the emulator needs Python 3.10 or later, or uv"));
afterAll(async () => {
  ec2?.destroy();
  await stage?.close();
});

async function subnet(CidrBlock: string, AvailabilityZone: string): Promise<string> {
  const { Subnet } = await ec2.send(new CreateSubnetCommand({ VpcId: vpc, CidrBlock, AvailabilityZone }));
  return Subnet!.SubnetId!;
}

/** A group that lets out what is named, and lets nothing in. */
async function group(GroupName: string, egress: readonly IpPermission[] = [ALL]): Promise<string> {
  const { GroupId } = await ec2.send(
    new CreateSecurityGroupCommand({ VpcId: vpc, GroupName, Description: GroupName }),
  );
  await ec2.send(new RevokeSecurityGroupEgressCommand({ GroupId: GroupId!, IpPermissions: [ALL] }));
  if (egress.length > 0)
    await ec2.send(
      new AuthorizeSecurityGroupEgressCommand({ GroupId: GroupId!, IpPermissions: [...egress] }),
    );
  return GroupId!;
}

function open(GroupId: string, port: number, from: string): Promise<unknown> {
  const rule = {
    IpProtocol: "tcp",
    FromPort: port,
    ToPort: port,
    UserIdGroupPairs: [{ GroupId: from }],
  };
  return ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [rule] }));
}

const at = (securityGroup: string, subnets: string[]) => ({
  awsvpcConfiguration: { subnets, securityGroups: [securityGroup], assignPublicIp: "DISABLED" as const },
});

async function runTo(end: string, taskDefinition: string, securityGroup: string, subnets: string[]) {
  const { tasks } = await stage.ecs.send(
    new RunTaskCommand({
      cluster: CLUSTER,
      taskDefinition,
      networkConfiguration: at(securityGroup, subnets),
    }),
  );
  return until(async () => {
    const task = await stage.task(tasks![0]!.taskArn!);
    return task.lastStatus === end || task.lastStatus === "STOPPED" ? task : undefined;
  });
}

describe("a task in a VPC", () => {
  it("is not started where no rule lets its image be pulled", async () => {
    const image = { image: "ghcr.io/example/program:1.2", ...LIVES };
    const definition = await stage.define("image", image);
    const task = await runTo("RUNNING", definition, await group("no-way-out", []), [zoneA]);
    expect(task.stopCode).toBe("TaskFailedToStart");
    expect(task.stoppedReason).toBe(
      'CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref ghcr.io/example/program:1.2: failed to do request: Head "https://ghcr.io/v2/example/program/manifests/1.2": dial tcp: i/o timeout',
    );
  });

  it("mounts a file system in the zones that have a mount target, when its group lets it", async () => {
    const efs = new EFSClient(stage.clientConfig);
    const { FileSystemId } = await efs.send(new CreateFileSystemCommand({ CreationToken: "one" }));
    const [tasks, targets] = await Promise.all([group("mounts"), group("targets", [])]);
    await efs.send(
      new CreateMountTargetCommand({ FileSystemId, SubnetId: zoneA, SecurityGroups: [targets] }),
    );
    const definition = await stage.define("mounts", LIVES, {
      volumes: [{ name: "state", efsVolumeConfiguration: { fileSystemId: FileSystemId } }],
    });
    expect((await runTo("RUNNING", definition, tasks, [zoneA])).stoppedReason).toContain(
      "mount.nfs4: Connection timed out",
    );
    await open(targets, 2049, tasks);
    expect((await runTo("RUNNING", definition, tasks, [zoneA])).lastStatus).toBe("RUNNING");
    expect((await runTo("RUNNING", definition, tasks, [zoneA, zoneB])).stoppedReason).toContain(
      `Failed to resolve "${FileSystemId}.efs.us-east-1.amazonaws.com"`,
    );
    efs.destroy();
  });

  it("fails the health checks of a load balancer that its group doesn't let in, and passes them once it does", {
    timeout: 120_000,
  }, async () => {
    const balancers = new ElasticLoadBalancingV2Client(stage.clientConfig);
    const [tasks, balancer] = await Promise.all([group("behind"), group("balancer")]);
    const { TargetGroups } = await balancers.send(
      new CreateTargetGroupCommand({
        Name: "behind",
        Port: 3000,
        Protocol: "HTTP",
        VpcId: vpc,
        TargetType: "ip",
        HealthCheckIntervalSeconds: 5,
        UnhealthyThresholdCount: 2,
      }),
    );
    const targetGroupArn = TargetGroups![0]!.TargetGroupArn!;
    const { LoadBalancers } = await balancers.send(
      new CreateLoadBalancerCommand({
        Name: "front",
        Subnets: [zoneA, zoneB],
        SecurityGroups: [balancer],
      }),
    );
    await balancers.send(
      new CreateListenerCommand({
        LoadBalancerArn: LoadBalancers![0]!.LoadBalancerArn!,
        Port: 80,
        Protocol: "HTTP",
        DefaultActions: [{ Type: "forward", TargetGroupArn: targetGroupArn }],
      }),
    );
    const container = { ...LIVES, portMappings: [{ containerPort: 3000 }] };
    await stage.serve("behind", container, {
      networkConfiguration: at(tasks, [zoneA]),
      loadBalancers: [{ targetGroupArn, containerName: "main", containerPort: 3000 }],
    });
    const first = await stage.runningTask("behind");
    const ended = await until(async () => {
      const task = await stage.task(first.taskArn!);
      return task.lastStatus === "STOPPED" ? task : undefined;
    }, 60_000);
    expect(ended.stoppedReason).toBe(`Task failed ELB health checks in (target-group ${targetGroupArn})`);
    expect((await stage.service("behind")).deployments?.[0]?.rolloutState).toBe("IN_PROGRESS");
    await open(tasks, 3000, balancer);
    await stage.steady("behind");
    balancers.destroy();
  });
});
