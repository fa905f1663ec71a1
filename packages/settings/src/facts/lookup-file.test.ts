import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { AccountFacts } from "./account-facts.ts";
import { LOOKUP_FILE, nextLookups, readLookups } from "./lookup-file.ts";

const root = mkdtempSync(join(tmpdir(), "lookups-"));
afterAll(() => rmSync(root, { recursive: true }));
const file = join(root, LOOKUP_FILE);
beforeEach(() => rmSync(file, { force: true }));

const facts = (vpcId: string): AccountFacts => ({
  source: "account 123456789012 in eu-central-1",
  network: {
    vpcId,
    cidrs: ["10.1.0.0/16"],
    subnets: { "subnet-00000001": { vpcId, availabilityZone: "eu-central-1a", egress: "nat" } },
  },
});

describe(LOOKUP_FILE, () => {
  it("returns the facts that were written, stage by stage", () => {
    expect(readLookups(root, "prod")).toBeUndefined();
    writeFileSync(file, nextLookups(root, "prod", facts("vpc-00000001")));
    writeFileSync(file, nextLookups(root, "dev", facts("vpc-00000002")));
    writeFileSync(file, nextLookups(root, "prod", facts("vpc-00000003")));
    expect(readLookups(root, "prod")).toEqual({ ...facts("vpc-00000003"), source: LOOKUP_FILE });
    expect(readLookups(root, "dev")?.network?.vpcId).toBe("vpc-00000002");
    expect(readLookups(root, "other")).toBeUndefined();
  });

  it.each([
    ["{", /dbward\.lookup\.json: is not JSON\. Delete it, and run: pnpm ops lookup --stage prod/],
    [
      '{ "prod": { "network": { "vpcId": "x" } } }',
      /dbward\.lookup\.json: prod\.network\.vpcId: must be the id of a VPC/,
    ],
    [
      JSON.stringify({ prod: { network: { ...facts("vpc-00000001").network, cidrs: ["0.0.0.0; x"] } } }),
      /prod\.network\.cidrs\.0: must be an IPv4 block/,
    ],
    ['{ "prod": { "netwrok": {} } }', /dbward\.lookup\.json: prod: .*netwrok/],
  ])("is checked before it is used: %s", (text, expected) => {
    writeFileSync(file, text);
    expect(() => readLookups(root, "prod")).toThrow(expected);
  });
});
