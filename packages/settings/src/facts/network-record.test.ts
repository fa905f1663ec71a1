import { describe, expect, it } from "vitest";
import { loadStage } from "../load-stage.ts";
import { stageInput } from "../test-support/stage.ts";
import { networkChange, networkRecord } from "./network-record.ts";

const load = (network: object, loadBalancer?: object) =>
  loadStage(
    {
      stages: {
        prod: stageInput({
          network,
          server: { image: ECR, ...(loadBalancer && { loadBalancer }) },
          agents: { 0: { image: ECR } },
        }),
      },
    },
    "prod",
    { root: "." },
  );
const ECR = {
  repository: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/dbward",
  ecrRepositoryName: "dbward",
};
const PUBLIC = { scheme: "internet-facing", allowPublicHttp: true };

const existing = (...subnets: [id: string, zone: string][]) => ({
  vpcId: "vpc-00000001",
  cidr: "10.1.0.0/16",
  subnets: subnets.map(([id, availabilityZone]) => ({ id: `subnet-0000000${id}`, availabilityZone })),
  egress: "nat",
});
const TWO = existing(["1", "eu-1a"], ["2", "eu-1b"]);

type Stage = Parameters<typeof load>;
const change = (before: Stage, after: Stage) => networkChange(networkRecord(load(...before)), load(...after));

describe("a change of the network", () => {
  it.each<[title: string, before: Stage, after: Stage]>([
    ["nothing", [{}], [{}]],
    ["2 zones to 3", [{}], [{ availabilityZones: 3 }]],
    ["an internet-facing load balancer", [{}], [{}, PUBLIC]],
    ["an internal load balancer", [{}, PUBLIC], [{}, {}]],
    ["a further subnet", [TWO], [existing(["1", "eu-1a"], ["2", "eu-1b"], ["3", "eu-1c"])]],
  ])("is made: %s", (_title, before, after) => {
    expect(change(before, after)).toEqual({ problems: [], warnings: [] });
  });

  it.each<[before: string, after: string]>([
    ["nat", "public"],
    ["public", "nat"],
    ["nat", "endpoints"],
    ["endpoints", "nat"],
    ["endpoints", "public"],
  ])("is made with a pause: egress %s to %s", (before, after) => {
    expect(change([{ egress: before }], [{ egress: after }])).toEqual({
      problems: [],
      warnings: [expect.stringContaining(`network.egress goes from "${before}" to "${after}"`)],
    });
  });

  it.each<[title: string, before: Stage, after: Stage, problem: RegExp]>([
    ["another block", [{}], [{ cidr: "10.61.0.0/16" }], /^network\.cidr can't become .*remove it/],
    ["3 zones to 2", [{ availabilityZones: 3 }], [{}], /^network\.availabilityZones can't go from 3 to 2/],
    [
      "the public subnets of tasks",
      [{ egress: "public" }],
      [{ egress: "endpoints" }],
      /^network\.egress can't become "endpoints" in this deployment: .*in which tasks run\. Deploy with "nat" first/,
    ],
    [
      "the public subnets of a load balancer",
      [{ egress: "endpoints" }, PUBLIC],
      [{ egress: "endpoints" }],
      /in which the load balancer is\. Deploy with "nat" first/,
    ],
    ["new to existing", [{}], [TWO], /^network\.vpcId can't be set: the stage has its own VPC\./],
    ["existing to new", [TWO], [{}], /^network\.vpcId can't be left out: the stage is in vpc-00000001\./],
    [
      "another VPC",
      [TWO],
      [{ ...TWO, vpcId: "vpc-00000002" }],
      /^network\.vpcId can't become vpc-00000002: the stage is in vpc-00000001\./,
    ],
    [
      "another subnet of a zone",
      [TWO],
      [existing(["3", "eu-1a"], ["2", "eu-1b"])],
      /^network\.subnets can't have subnet-00000003 in place of subnet-00000001: EFS.* Deploy without a subnet in eu-1a first/,
    ],
  ])("is refused: %s", (_title, before, after, problem) => {
    expect(change(before, after).problems).toEqual([expect.stringMatching(problem)]);
  });

  it("warns when a zone is removed", () => {
    const three = existing(["1", "eu-1a"], ["2", "eu-1b"], ["3", "eu-1c"]);
    expect(change([three], [TWO])).toEqual({
      problems: [],
      warnings: [
        expect.stringMatching(/^network\.subnets no longer has subnet-00000003: its mount target is deleted/),
      ],
    });
  });

  it("ignores a record that it does not recognize", () => {
    for (const record of ["", "{", '{"kind":"new"}'])
      expect(networkChange(record, load({}))).toEqual({ problems: [], warnings: [] });
  });
});
