import { describe, expect, it } from "vitest";
import { loadStage } from "../load-stage.ts";
import { mistakesOf } from "../test-support/mistakes.ts";
import { stageInput } from "../test-support/stage.ts";
import type { AccountFacts } from "./account-facts.ts";
import { existingNetwork } from "./existing-network.ts";

const load = (network: object, changes: object = {}) =>
  loadStage({ stages: { prod: stageInput({ network, ...changes }) } }, "prod", { root: "." });

const IDS = { vpcId: "vpc-00000001", subnets: ["subnet-0000000a", "subnet-0000000b"] };
const subnet = (letter: string, egress: "nat" | "public" | "endpoints" = "nat") => ({
  vpcId: "vpc-00000001",
  availabilityZone: `eusc-de-east-1${letter}`,
  egress,
});
const FACTS: AccountFacts = {
  source: "dbward.lookup.json",
  network: {
    vpcId: "vpc-00000001",
    cidrs: ["10.1.0.0/16", "10.2.0.0/16"],
    subnets: { "subnet-0000000a": subnet("a"), "subnet-0000000b": subnet("b") },
  },
};

const mistakes = (network: object, facts?: AccountFacts) =>
  mistakesOf(() => existingNetwork(load(network), facts));

describe("an existing network", () => {
  it("by its ids alone is completed by facts", () => {
    expect(existingNetwork(load(IDS), FACTS)).toEqual({
      vpcId: "vpc-00000001",
      cidrs: ["10.1.0.0/16", "10.2.0.0/16"],
      subnets: [
        { id: "subnet-0000000a", availabilityZone: "eusc-de-east-1a" },
        { id: "subnet-0000000b", availabilityZone: "eusc-de-east-1b" },
      ],
      publicSubnets: [],
      egress: "nat",
    });
  });

  it("needs no facts when the settings have everything", () => {
    const written = {
      vpcId: "vpc-00000001",
      cidr: "10.1.0.0/16",
      subnets: ["a", "b"].map((letter) => ({
        id: `subnet-0000000${letter}`,
        availabilityZone: `eu-central-1${letter}`,
      })),
      egress: "public",
    };
    expect(existingNetwork(load(written))).toEqual({
      vpcId: "vpc-00000001",
      cidrs: ["10.1.0.0/16"],
      subnets: written.subnets,
      publicSubnets: [],
      egress: "public",
    });
  });

  it("says how to look up every fact that is not known", () => {
    expect(mistakes(IDS)).toEqual([
      expect.stringMatching(/^network\.cidr: is not known\. .*pnpm ops lookup --stage prod/),
      expect.stringMatching(
        /^network\.subnets\.0: is subnet-0000000a, whose availability zone is not known\./,
      ),
      expect.stringMatching(/^network\.subnets\.1: is subnet-0000000b/),
      expect.stringMatching(/^network\.egress: is not known\./),
    ]);
  });

  it("is not completed by the facts of another VPC", () => {
    expect(mistakes({ ...IDS, vpcId: "vpc-00000002" }, FACTS)).toEqual([
      "network.vpcId: is vpc-00000002, but dbward.lookup.json has vpc-00000001. To look it up, run: pnpm ops lookup --stage prod",
    ]);
    expect(mistakes({ ...IDS, subnets: ["subnet-0000000a", "subnet-0000000c"] }, FACTS)).toEqual([
      "network.subnets.1: is subnet-0000000c, which dbward.lookup.json doesn't have",
    ]);
  });

  it("may use endpoints beside another default route, and no other egress that the subnets don't have", () => {
    expect(existingNetwork(load({ ...IDS, egress: "endpoints" }, ecr()), FACTS).egress).toBe("endpoints");
    const isolated: AccountFacts = {
      ...FACTS,
      network: {
        ...FACTS.network!,
        subnets: { "subnet-0000000a": subnet("a", "endpoints"), "subnet-0000000b": subnet("b", "public") },
      },
    };
    expect(mistakes({ ...IDS, egress: "nat" }, isolated)).toEqual([
      expect.stringMatching(
        /^network\.egress: is "nat", but subnet-0000000a has no default route .*add a NAT gateway/,
      ),
      expect.stringMatching(
        /^network\.egress: is "nat", but subnet-0000000b has a route to an internet gateway/,
      ),
    ]);
  });
});

/** Images that endpoints reach. */
function ecr() {
  const image = {
    repository: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/dbward",
    ecrRepositoryName: "dbward",
  };
  return { server: { image }, agents: { 0: { image } } };
}
